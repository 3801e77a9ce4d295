/** The overview: what is wrong first, numbers that lead to what they count, lines over time. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { api, useBrowser, withBrowser } from './browser.ts';
import { type Filled, filled, submit } from './mail.ts';

withBrowser('the overview', () => {
  const { open } = useBrowser();
  let running: Filled;
  beforeAll(async () => {
    running = await filled();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('says that all is well, and counts what is there', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/');
    await page.getByText('All is well.').waitFor();
    const number = (name: string) => page.getByRole('link', { name: new RegExp(`^${name}`) }).locator('strong');
    expect(await number('Waiting').textContent()).toBe('2');
    expect(await number('Deferred').textContent()).toBe('1');
    expect(await number('Held').textContent()).toBe('1');
    expect(await number('Bounced').textContent()).toBe('1');
    await page.getByRole('listitem').filter({ hasText: 'default' }).getByText('fine').waitFor();
    await page.getByText(/The last hour: \d submitted, 2 sent, 1 bounced\./).waitFor({ state: 'attached' });
    const legend = page.locator('.u-legend').first();
    await legend.getByText('last hour').waitFor();
    expect(await legend.locator('.u-series').allTextContents()).toContain('Sent2');
    await page.getByRole('button', { name: 'week' }).click();
    await legend.getByText('last week').waitFor();
    await page.getByText(/The last week: \d submitted, 2 sent, 1 bounced\./).waitFor({ state: 'attached' });
    expect(await visit.barriers()).toEqual([]);
    await page.getByRole('link', { name: /^Deferred/ }).click();
    await page.getByText('1 delivery', { exact: true }).waitFor();
  });

  test('puts what is wrong first as soon as it is, and counts on by itself', async () => {
    const visit = await open(running, { colorScheme: 'dark', viewport: { width: 360, height: 700 } });
    const { page } = visit;
    await visit.goTo('/');
    await page.getByText('Live', { exact: true }).waitFor();
    await api(running, '/relays/default/pause', {});
    await page.getByText(/relay default has been paused/i).waitFor();
    await page.getByRole('listitem').filter({ hasText: 'default' }).getByText('paused', { exact: true }).waitFor();
    await submit(running, 'more@example.org');
    await page.getByRole('link', { name: /^Waiting 3/ }).waitFor();
    expect(await visit.isTooWide()).toBe(false);
    expect(await visit.barriers()).toEqual([]);
    await api(running, '/relays/default/resume', {});
    await page.getByText('All is well.').waitFor();
  });

  test('says when nothing answers any more', async () => {
    const visit = await open(running);
    visit.forgiven.push(/ERR_|Failed to load/);
    const { page } = visit;
    await page.route('**/api/v1/status', (route) => route.abort());
    await visit.goTo('/');
    await page.getByText('posthaste does not answer: is it still running?').waitFor();
    await page.unroute('**/api/v1/status');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText(/All is well/).waitFor();
  });
});
