/** The page of the webhooks. */
import { writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { Receiver, SECRET } from '../support/receiver.ts';
import { api, type Running, serving, useBrowser, withBrowser } from './browser.ts';

withBrowser('webhooks', () => {
  const { open } = useBrowser();
  let folder: ReturnType<typeof temporaryFolder>;
  let receiver: Receiver;
  let running: Running;

  beforeEach(async () => {
    folder = temporaryFolder();
    receiver = await Receiver.open();
    const config = join(folder.path, 'posthaste.config.json');
    const shop = { url: `${receiver.url}/token`, secret: SECRET, events: ['captured'] };
    writeFileSync(config, JSON.stringify({ webhooks: { shop } }));
    running = await serving(['--config', config]);
  });
  afterEach(async () => {
    await running[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  /** As when their time is over. */
  const expire = async (count: number): Promise<void> => {
    const store = await openStore(`sqlite:${join(running.folder, 'posthaste.db')}`, {});
    expect(await store.expireWebhookEvents('shop', Date.now() + 1_000, 10)).toBe(count);
    await store.close();
  };
  /** Answers when so many have come, and wants to be left alone for a day: what the page tells then stays so. */
  const failAll = (count: number): void => {
    const waiting: ServerResponse[] = [];
    receiver.answering = (_, response) => {
      waiting.push(response);
      if (waiting.length === count)
        for (const each of waiting) each.writeHead(503, { 'retry-after': String(24 * 60 * 60) }).end();
      return undefined;
    };
  };
  const submit = () =>
    api(running, '/messages', { from: 'a@example.com', to: 'b@example.org', subject: 's', text: 't' });

  test('what was not told in time is told why, and again when somebody asks, one by one or all', async () => {
    failAll(3);
    for (let i = 0; i < 3; i++) await submit();
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/webhooks');
    await page.getByText('failing', { exact: true }).waitFor();
    await page.getByText('Failed 3 times in a row').waitFor();
    await page.getByText('answered 503', { exact: true }).waitFor();
    await page.getByText(/Next try: in 2[34] hrs?\./).waitFor();
    await expire(3);
    await page.getByText('3 events were not told in time').click();
    await page.getByRole('row').nth(3).waitFor();
    await page.getByText('It is tried again with the next event.').waitFor();
    expect(await visit.barriers()).toEqual([]);
    expect(await page.content()).not.toContain('token');
    receiver.answering = () => 204;
    await page
      .getByRole('button', { name: /^Resend captured of/ })
      .first()
      .click();
    await page.getByText('1 event is on the way to shop again.').waitFor();
    await page.getByText('2 events were not told in time').waitFor();
    await page.getByRole('button', { name: 'Try now: shop' }).click();
    await receiver.until(() => receiver.taken.length === 1);
    await page.getByRole('button', { name: 'Resend all to shop' }).click();
    await receiver.until(() => receiver.taken.length === 3);
    await page.getByText('It is told of what happens.').waitFor();
    await page.getByText('not told in time').waitFor({ state: 'detached' });
  });

  test('one is tried, and one that is gone goes on when it is enabled', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/webhooks');
    await page.getByRole('button', { name: 'Test shop' }).click();
    await page.getByText(/^shop answered 204 after/).waitFor();
    receiver.answering = () => 410;
    await page.getByRole('button', { name: 'Test shop' }).click();
    await page.getByText('shop: answered 410').waitFor();
    await submit();
    await page.getByText('that it is gone (410)').waitFor();
    receiver.answering = () => 204;
    await page.getByRole('button', { name: 'Enable shop' }).click();
    await page.getByText('shop goes on.').waitFor();
    await page.getByText('that it is gone (410)').waitFor({ state: 'detached' });
    expect(await visit.barriers()).toEqual([]);
  });

  test('dark and narrow it can be read, and where none is set it says how', async () => {
    failAll(1);
    await submit();
    const visit = await open(running, { viewport: { width: 360, height: 640 }, colorScheme: 'dark' });
    await visit.goTo('/webhooks');
    await visit.page.getByText('Failed 1 time in a row').waitFor();
    await expire(1);
    await visit.page.getByText('1 event was not told in time').click();
    await visit.page.getByRole('row').nth(1).waitFor();
    expect([await visit.isTooWide(), await visit.barriers()]).toEqual([false, []]);
    await using without = await serving();
    const other = await open(without);
    await other.goTo('/webhooks');
    await other.page.getByText('No webhook is set').waitFor();
    expect(await other.barriers()).toEqual([]);
    await other.close();
  });
});
