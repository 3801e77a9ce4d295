/** The pages of those who operate it: relays, nodes, settings. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedRelay, startRelay } from '../../src/testing/relay/scripted.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { api, type Running, serving, useBrowser, withBrowser } from './browser.ts';

const isFault = ({ msg }: { readonly msg: string }): boolean => msg.startsWith('relay fault');

withBrowser('relays, nodes and settings', () => {
  const { open } = useBrowser();
  const folder = temporaryFolder();
  let good: ScriptedRelay;
  let running: Running;

  beforeAll(async () => {
    good = await startRelay();
    const config = join(folder.path, 'posthaste.config.json');
    const relays = {
      good: {
        url: `smtp://ann:secret@${good.host}:${good.port}`,
        rate: '600/min',
        fallback: 'broken',
        tls: { level: 'none' },
      },
      broken: { url: `smtp://127.0.0.1:${await closedPort()}` },
    };
    writeFileSync(config, JSON.stringify({ relays, subjectPrefix: '<b>"bold"</b>' }));
    running = await serving(['--config', config]);
    const options = { relay: 'broken' };
    await api(running, '/messages', { from: 'a@example.com', to: 'b@example.com', subject: 'x', text: 'x', options });
    await running.server.line(isFault);
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await good.close();
    folder[Symbol.dispose]();
  });

  test('a relay says how it stands, why, and what happens next', async () => {
    const visit = await open(running);
    await visit.goTo('/relays');
    const broken = visit.page
      .getByRole('listitem')
      .filter({ has: visit.page.getByRole('heading', { name: 'broken' }) });
    await broken.getByText('failing').waitFor();
    await broken.getByText(/^451 4\.4\.1 connect to 127\.0\.0\.1:\d+ refused/).waitFor();
    const fine = visit.page.getByRole('listitem').filter({ has: visit.page.getByRole('heading', { name: 'good' }) });
    expect(await fine.textContent()).toMatch(
      /fine.*Takes mail.*smtp:\/\/ann:\*\*\*@.*at most 20.*600 in 1 min.*broken/s,
    );
    expect(await visit.barriers()).toEqual([]);
    await visit.goTo('/');
    await visit.page.getByText(/in a row: 451 .*; (next try in|it is being tried again)/).waitFor();
  });

  test('a relay is paused, which others see at once, and goes on by Undo or by its button', async () => {
    const visit = await open(running);
    await visit.goTo('/relays');
    const other = await open(running);
    await other.goTo('/relays');
    const badge = (page: typeof visit.page, text: string) =>
      page.getByRole('listitem').filter({ hasText: 'smtp://ann' }).getByText(text, { exact: true }).waitFor();
    await visit.page.getByRole('button', { name: 'Pause good' }).click();
    await visit.page.getByText('Relay good is paused.').hover();
    await Promise.all([badge(visit.page, 'paused'), badge(other.page, 'paused')]);
    await visit.page.getByText('Its mail waits until it is resumed').waitFor();
    expect(await visit.barriers()).toEqual([]);
    await visit.page.getByRole('button', { name: 'Undo' }).click();
    await Promise.all([badge(visit.page, 'fine'), badge(other.page, 'fine')]);
    await visit.page.getByRole('button', { name: 'Pause good' }).focus();
    await visit.page.keyboard.press('Enter');
    await badge(other.page, 'paused');
    await other.page.getByRole('button', { name: 'Resume good' }).click();
    await other.page.getByText('Relay good goes on.').waitFor();
    await badge(visit.page, 'fine');
  });

  test('a relay with faults is tried at once when somebody asks', async () => {
    const visit = await open(running);
    await visit.goTo('/relays');
    const before = running.server.lines.filter(isFault).length;
    await visit.page.getByRole('button', { name: 'Try now: broken' }).click();
    await visit.page.getByText('Relay broken goes on.').waitFor();
    await running.server.atLeast(before + 1, isFault);
  });

  test('nodes are told with their role and what they hold', async () => {
    const visit = await open(running);
    await visit.goTo('/nodes');
    await visit.page.getByRole('heading', { name: '1 process works on this queue' }).waitFor();
    const row = visit.page.getByRole('row').nth(1);
    expect(await row.textContent()).toMatch(new RegExp(`pid ${running.server.pid}.*serve.*alive`, 's'));
    await row.getByText('broken:').waitFor();
    expect(await visit.barriers()).toEqual([]);
  });

  test('settings are all there with their origin, found by a word, and no secret is among them', async () => {
    const visit = await open(running);
    await visit.goTo('/settings');
    const { page } = visit;
    await page.getByText('<b>"bold"</b>').waitFor();
    const { settings } = await api(running, '/config');
    await page.getByText(`${settings.length} settings`).waitFor();
    expect(await page.content()).not.toContain('secret@');
    expect(await visit.barriers()).toEqual([]);
    await page.getByLabel('Find a setting').fill('good.rate');
    await page.getByText('1 setting', { exact: true }).waitFor();
    await page.getByText('600/min').waitFor();
    await page.getByLabel('Find a setting').fill('no such word');
    await page.getByText('No setting is like that').waitFor();
    await page.getByLabel('Find a setting').fill('');
    await page.getByLabel('Only what is not the default').check();
    const given = settings.filter(({ from }: { from: string }) => from !== 'default').length;
    await page.getByText(`${given} settings`).waitFor();
  });

  test.each([
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 360, height: 640 } }],
  ] as const)('%s, each of them can be read', async (_, options) => {
    const visit = await open(running, options);
    for (const [path, sign] of [
      ['/relays', 'Takes mail.'],
      ['/nodes', 'works on this queue'],
      ['/settings', 'posthaste.config.json'],
    ] as const) {
      await visit.goTo(path);
      await visit.page.getByText(sign).first().waitFor();
      expect([path, await visit.isTooWide(), await visit.barriers()]).toEqual([path, false, []]);
    }
  });
});

withBrowser('relays for those who only look', () => {
  const { open } = useBrowser();

  test('have no switches', async () => {
    await using running = await serving([], { POSTHASTE_ADMIN_VIEWERS: 'vera:watch' });
    const visit = await open(running);
    const login = { name: 'vera', password: 'watch' };
    await visit.page.request.post(`${running.origin}/api/v1/session`, { data: login });
    await visit.goTo('/relays');
    await visit.page.getByText('Keeps mail here').waitFor();
    expect(await visit.page.getByRole('button', { name: /^(Pause|Try)/ }).count()).toBe(0);
    await visit.close();
  });
});

/** Where nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
