/** What happens while nobody looks, or nothing can be looked at: it is there when somebody does. */
import { expect, test } from 'vitest';
import { posthaste, serve } from '../support/posthaste.ts';
import { api, type Running, serving, useBrowser, type Visit, withBrowser } from './browser.ts';
import { submit } from './mail.ts';

const held = { options: { held: true } };

/** As a tab that others cover. */
async function turn({ page }: Visit, hidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => ${hidden} });
    document.dispatchEvent(new Event('visibilitychange'));
  `);
}

withBrowser('a list that nobody looked at', () => {
  const { open } = useBrowser();

  /** The list, of which nothing was told since it is shown. */
  async function quiet(running: Running): Promise<Visit> {
    const visit = await open(running);
    const begun = visit.page.waitForRequest(/\/events/);
    await visit.goTo('/messages');
    await begun;
    await visit.page.getByText('Live', { exact: true }).waitFor();
    await visit.page.getByRole('row').getByText('held', { exact: true }).waitFor();
    return visit;
  }
  const cancelled = ({ page }: Visit) => page.getByRole('row').getByText('cancelled').waitFor();

  test('shows what was done while its tab was hidden', async () => {
    await using running = await serving();
    const id = await submit(running, 'a@example.org', held);
    const visit = await quiet(running);
    await turn(visit, true);
    await visit.page.getByText('Live', { exact: true }).waitFor({ state: 'detached' });
    await api(running, '/messages/cancel', { ids: [id] });
    await turn(visit, false);
    await cancelled(visit);
    await visit.close();
  });

  test('shows what was done while the server was away', async () => {
    await using running = await serving();
    const id = await submit(running, 'a@example.org', held);
    const visit = await quiet(running);
    visit.forgiven.push(/ERR_|Failed to load/);
    await running.server.stop();
    await visit.page.getByText('Not connected').waitFor();
    expect((await posthaste(running.folder, 'cancel', id)).code).toBe(0);
    const { host } = new URL(running.origin);
    const again = serve({ dataDir: running.folder, flags: ['--admin', host] });
    await cancelled(visit);
    await visit.close();
    await again.kill();
  });

  test('shows what came while another page was open', async () => {
    await using running = await serving();
    await submit(running, 'a@example.org', held);
    const visit = await quiet(running);
    const link = (name: string) => visit.page.getByRole('link', { name, exact: true }).click();
    await link('Settings');
    await visit.page.getByLabel('Find a setting').waitFor();
    await submit(running, 'new@example.org', held);
    await link('Messages');
    await visit.page.getByRole('row').filter({ hasText: 'new@example.org' }).waitFor();
    await visit.close();
  });

  test('asks for all that is shown where it was away for long', async () => {
    await using running = await serving();
    const id = await submit(running, 'a@example.org', held);
    const visit = await open(running);
    await visit.page.clock.install();
    await visit.goTo('/messages');
    await visit.page.getByRole('row').getByText('held', { exact: true }).waitFor();
    await visit.page.getByText('Live', { exact: true }).waitFor();
    await turn(visit, true);
    await api(running, '/messages/cancel', { ids: [id] });
    await visit.page.clock.fastForward('20:00');
    const opened = visit.page.waitForRequest(/\/events/);
    await turn(visit, false);
    expect((await opened).url()).not.toContain('after');
    await cancelled(visit);
    await visit.close();
  });
});
