/** The frame of all pages: how it is served, who gets in, how it looks, and that it works below any path. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openQueue } from '../../src/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { type Running, serving, useBrowser, withBrowser } from './browser.ts';

/** With one, the overview comes first. */
const RELAY = ['--relay', 'smtp://127.0.0.1:1'];

withBrowser('the shell', () => {
  const { open } = useBrowser();
  let running: Running;
  beforeAll(async () => {
    running = await serving(RELAY);
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('serve says where the pages are, and they are there', async () => {
    const ready = await running.server.line(({ msg }) => msg === 'ready');
    expect(ready.pages).toBe(`${running.origin}/`);
    const visit = await open(running);
    await visit.page.goto(String(ready.pages));
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    expect(await visit.page.title()).toBe('Overview · posthaste');
    expect(await visit.barriers()).toEqual([]);
  });

  test('what is loaded may be kept for good by its name, what leads there may not, and nothing is left open', async () => {
    const document = await fetch(`${running.origin}/`, { headers: { accept: 'text/html' } });
    const html = await document.text();
    const [script = ''] = /assets\/[\w-]+\.js/.exec(html) ?? [];
    const file = await fetch(`${running.origin}/${script}`);
    expect([file.status, file.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const again = await fetch(`${running.origin}/icon.svg`, {
      headers: { 'if-none-match': (await fetch(`${running.origin}/icon.svg`)).headers.get('etag') as string },
    });
    expect([again.status, again.headers.get('cache-control')]).toEqual([304, 'no-cache']);
    expect(Object.fromEntries(document.headers)).toMatchObject({
      'cache-control': 'no-cache',
      'content-type': 'text/html; charset=utf-8',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    const policy = document.headers.get('content-security-policy');
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\son\w+=/);
  });

  test('the frame is there before the program of the pages is', async () => {
    const visit = await open(running);
    visit.forgiven.push(/ERR_FAILED/);
    await visit.page.route(/\.js$/, (route) => route.abort());
    await visit.page.goto(`${running.origin}/`);
    await visit.page.locator('.bar .logo').getByText('posthaste').waitFor();
  });

  test('what is no page says so, to people on a page and to programs in a problem', async () => {
    const visit = await open(running);
    visit.forgiven.push(/404/);
    const answer = await visit.page.goto(`${running.origin}/nowhere/at/all`);
    expect(answer?.status()).toBe(404);
    await visit.page.getByText('There is no such page').waitFor();
    await visit.page.getByRole('link', { name: 'To the overview' }).click();
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    const plain = await fetch(`${running.origin}/nowhere`);
    expect([plain.status, plain.headers.get('content-type')]).toEqual([404, 'application/problem+json']);
    const outside = await fetch(`${running.origin}/assets/..%2f..%2fpackage.json`);
    expect(outside.status).toBe(404);
  });

  test('dark and light are kept, and as the system has it is where they begin', async () => {
    const visit = await open(running, { colorScheme: 'dark' });
    await visit.goTo('/');
    const ground = (): Promise<string> =>
      visit.page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    const dark = await ground();
    expect(await visit.barriers()).toEqual([]);
    await visit.page.getByRole('button', { name: 'Theme: system' }).click();
    const light = await ground();
    expect(light).not.toBe(dark);
    expect(await visit.barriers()).toEqual([]);
    await visit.page.reload();
    await visit.page.getByRole('button', { name: 'Theme: light' }).click();
    expect(await ground()).toBe(dark);
  });

  test('on a narrow screen nothing lies beside it', async () => {
    const visit = await open(running, { viewport: { width: 360, height: 640 } });
    await visit.goTo('/');
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    expect(await visit.isTooWide()).toBe(false);
    expect(await visit.barriers()).toEqual([]);
  });

  test('keys lead to the pages, and ? tells them', async () => {
    const visit = await open(running);
    visit.forgiven.push(/404/);
    await visit.goTo('/nowhere');
    await visit.page.getByText('There is no such page').waitFor();
    await visit.page.keyboard.press('?');
    const help = visit.page.getByRole('dialog', { name: 'Keyboard' });
    await help.waitFor();
    expect(await visit.barriers()).toEqual([]);
    await visit.page.keyboard.press('Escape');
    await help.waitFor({ state: 'detached' });
    await visit.page.keyboard.press('g');
    await visit.page.keyboard.press('o');
    await visit.page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  });

  test('every page of the navigation is served under its own address', async () => {
    const visit = await open(running);
    await visit.goTo('/');
    const links = visit.page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
    await links.first().waitFor();
    for (const link of await links.all()) {
      const path = await link.getAttribute('href');
      const answer = await fetch(running.origin + path, { headers: { accept: 'text/html' } });
      expect([path, answer.status]).toEqual([path, 200]);
    }
  });
});

withBrowser('logging in', () => {
  const { open } = useBrowser();
  let running: Running;
  beforeAll(async () => {
    running = await serving(RELAY, { POSTHASTE_ADMIN_USERS: 'ann:secret', POSTHASTE_ADMIN_VIEWERS: 'vera:watch' });
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('nobody sees anything before, a wrong password is told, and after it all is there until one leaves', async () => {
    const visit = await open(running);
    visit.forgiven.push(/401/);
    await visit.goTo('/');
    const { page } = visit;
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.getByLabel('Name').fill('vera');
    await page.getByLabel('Password').fill('wrong');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password').fill('watch');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await page.getByText('vera (viewer)').waitFor();
    await page.getByRole('button', { name: 'Log out' }).click();
    await page.getByRole('heading', { name: 'Log in' }).waitFor();
  });

  test('a login that has ended elsewhere shows', async () => {
    const visit = await open(running);
    visit.forgiven.push(/401/);
    const login = { name: 'ann', password: 'secret' };
    await visit.page.request.post(`${running.origin}/api/v1/session`, { data: login });
    await visit.goTo('/nowhere');
    visit.forgiven.push(/404/);
    await visit.page.getByText('There is no such page').waitFor();
    await visit.page.context().clearCookies();
    await visit.page.getByRole('link', { name: 'To the overview' }).click();
    await visit.page.getByRole('heading', { name: 'Log in' }).waitFor();
  });
});

withBrowser('the pages inside an application', () => {
  const { open } = useBrowser();

  test('work below the path at which they are mounted, and behind a proxy that puts another before it', async () => {
    using folder = temporaryFolder();
    await using queue = await openQueue({ dataDir: folder.path });
    const handler = queue.admin({ path: '/mail', authorize: () => ({ name: 'ann', role: 'operator' }) });
    await using application = await listening((request, response) => handler.node(request, response));
    await using proxy = await listening((request, response) => {
      const path = (request.url ?? '').replace('/intern/tools', '');
      if (path === request.url) return void response.writeHead(404).end();
      request.url = path;
      handler.node(request, response);
    });
    for (const base of [`${application.origin}/mail`, `${proxy.origin}/intern/tools/mail`]) {
      const visit = await open({ origin: base });
      await visit.goTo('?x=1');
      await visit.page.getByRole('heading', { name: 'Overview' }).waitFor();
      expect(visit.page.url()).toBe(`${base}/?x=1`);
      await visit.page.reload();
      await visit.page.getByRole('heading', { name: 'Overview' }).waitFor();
      await visit.close();
    }
  });

  test('say so to those whom the application does not let in', async () => {
    using folder = temporaryFolder();
    await using queue = await openQueue({ dataDir: folder.path });
    const handler = queue.admin({ authorize: () => null });
    await using application = await listening((request, response) => handler.node(request, response));
    const visit = await open(application);
    await visit.goTo('/');
    await visit.page.getByText('Not for you yet').waitFor();
    await visit.close();
  });
});

describe('the pages without a browser', () => {
  test('are there for all who do not ask for something else, and what is no page is a problem', async () => {
    await using running = await serving(RELAY);
    const status = async (path: string, method: string, accept?: string): Promise<number> =>
      (await fetch(running.origin + path, { method, headers: accept === undefined ? {} : { accept } })).status;
    for (const path of ['/', '/messages', '/relays/default'])
      for (const method of ['GET', 'HEAD'])
        for (const accept of ['*/*', 'text/*', 'text/html', undefined])
          expect([path, method, accept, await status(path, method, accept)]).toEqual([path, method, accept, 200]);
    expect(await status('/', 'GET', 'application/json')).toBe(404);
    expect(await status('/nowhere', 'GET', '*/*')).toBe(404);
    expect(await status('/', 'POST', '*/*')).toBe(404);
    const nowhere = await fetch(`${running.origin}/nowhere`);
    expect(nowhere.headers.get('content-type')).toMatch(/json/);
  });

  test('are not there where nobody built them, which is told', async () => {
    const { Hono } = await import('hono');
    const { guardedApp } = await import('../../src/admin/api.ts');
    const { addPages } = await import('../../src/admin/pages.ts');
    const { openAccess } = await import('../../src/admin/access.ts');
    const log = { info: () => undefined, warn: () => undefined, error: () => undefined } as never;
    const app: InstanceType<typeof Hono> = guardedApp({ access: openAccess, hosts: null, log }) as never;
    addPages(app as never, '/nowhere/at/all', '');
    const answer = await app.request('/', { headers: { accept: 'text/html' } });
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('npm run build')]);
  });
});

async function listening(
  listener: (request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => void,
): Promise<AsyncDisposable & { readonly origin: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
