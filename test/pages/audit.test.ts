/** The page that tells who changed what. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BIN, run } from '../support/posthaste.ts';
import { api, type Running, serving, useBrowser, withBrowser } from './browser.ts';

withBrowser('the audit trail', () => {
  const { open } = useBrowser();
  let running: Running;
  beforeAll(async () => {
    running = await serving();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('tells what was done by pages and by commands, and finds it by its action and who did it', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/audit');
    await page.getByText('Nothing is like that').waitFor();
    await api(running, '/relays/default/pause', { reason: 'it <b>moves</b>' });
    await run(process.execPath, [BIN, 'suppress', 'add', 'bob@example.com', '--data-dir', running.folder]);
    await page.reload();
    const rows = page.getByRole('row');
    await rows.nth(2).waitFor();
    expect((await rows.allTextContents()).slice(1)).toEqual([
      expect.stringMatching(/@.*command.*suppress.*bob@example\.com.*1.*done/s),
      expect.stringMatching(/local.*operator, 127\.0\.0\.1.*pause.*relay: default.*“it <b>moves<\/b>”.*done/s),
    ]);
    expect(await visit.barriers()).toEqual([]);
    await page.getByLabel('Action').selectOption('pause');
    await rows.nth(2).waitFor({ state: 'detached' });
    await page.getByLabel('By').fill('nobody');
    await page.getByText('Nothing is like that').waitFor();
    await page.getByLabel('By').fill('local');
    await page.getByText('relay: default').waitFor();
  });

  test('comes page by page, and what was no change is told with its reason', async () => {
    const wrong = { entries: [{ target: 'nonsense' }] };
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(wrong) };
    for (let i = 0; i < 101; i++) await fetch(`${running.origin}/api/v1/suppressions`, init);
    const visit = await open(running);
    await visit.goTo('/audit');
    await visit.page.getByLabel('Action').selectOption('suppress');
    await visit.page.getByRole('row').nth(100).waitFor();
    await visit.page.getByText('"nonsense" is no address').first().waitFor();
    await visit.page.getByRole('button', { name: 'Show more' }).click();
    await visit.page.getByRole('row').nth(101).waitFor();
  });

  test.each([
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 360, height: 640 } }],
  ] as const)('%s, it can be read', async (_, options) => {
    const target = `${'long'.repeat(15)}@${'domain.'.repeat(10)}example`;
    await api(running, '/suppressions', { entries: [{ target }] });
    const visit = await open(running, options);
    await visit.goTo('/audit');
    await visit.page.getByText(target).first().waitFor();
    expect([await visit.isTooWide(), await visit.barriers()]).toEqual([false, []]);
  });
});
