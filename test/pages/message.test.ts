/** One message: what became of it and why, what is in it, and that what is in it does nothing. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { api, type Running, serving, useBrowser, withBrowser } from './browser.ts';
import { type Filled, filled, submit } from './mail.ts';

withBrowser('one message', () => {
  const { open } = useBrowser();
  let running: Filled;
  beforeAll(async () => {
    running = await filled();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('tells what happened, why it waits, and when it is tried next', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo(`/messages/${running.ids.deferred}`);
    await page.getByRole('heading', { name: 'For deferred@example.org' }).waitFor();
    await page.getByText(/^The last attempt did not succeed \(452 4\.2\.2 mailbox full\)/).waitFor();
    await page.getByText(/Next try in \d+/).waitFor();
    const happened = page.getByRole('region').or(page.locator('.timeline')).getByRole('listitem');
    expect(await happened.locator('strong').allTextContents()).toEqual([
      'Submitted',
      'Deferred',
      'Will be given up, if it cannot be sent until then',
    ]);
    await page.getByText('4711').waitFor();
    expect(await visit.barriers()).toEqual([]);
    await visit.goTo(`/messages/${running.ids.bounced}`);
    await page.locator('.timeline').getByText('550 5.1.1 no such user').first().waitFor();
  });

  test('is retried, held, released and cancelled, and shows it at once', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo(`/messages/${running.ids.deferred}`);
    await page.getByRole('button', { name: 'Retry' }).click();
    const tried = page.locator('.timeline').getByText('Deferred', { exact: true });
    await tried.nth(1).waitFor();
    await page.keyboard.press('h');
    await page.getByText('Held 1 delivery.').waitFor();
    await page.locator('.recipients').getByText('held', { exact: true }).waitFor();
    await page.keyboard.press('u');
    await page.getByText('Released 1 delivery.').waitFor();
    await tried.nth(2).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.locator('.recipients').getByText('cancelled', { exact: true }).waitFor();
    expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
  });

  test('is resent as a new one, to whom one likes', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo(`/messages/${running.ids.bounced}`);
    await page.getByRole('button', { name: 'Resend as new' }).click();
    expect(await visit.barriers()).toEqual([]);
    await page.getByLabel(/Recipients/).fill('other@example.org, one.more@example.org');
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: '2 recipients' }).waitFor();
    expect(page.url()).not.toContain(running.ids.bounced);
    await page.getByText('one.more@example.org').first().waitFor();
  });

  test('is sent again to more recipients than an address of a page could hold, and asks not once for each of them', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo(`/messages/${running.ids.held}`);
    await page.getByRole('button', { name: 'Resend as new' }).click();
    const many = Array.from({ length: 1_000 }, (_, n) => `somebody.with.a.name.${n}@many.example`);
    await page.getByLabel(/Recipients/).fill(many.join(', '));
    let asked = 0;
    page.on('request', (request) => {
      if (/\/messages\/[0-9a-f-]{36}$/.test(request.url())) asked++;
    });
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('heading', { name: '1,000 recipients' }).waitFor();
    await page.locator('.recipients').getByText('sent', { exact: true }).nth(999).waitFor();
    expect(asked).toBeLessThan(100);
  });

  test('says in a sentence that an answer is none, as those of proxies are', async () => {
    const visit = await open(running);
    const { page } = visit;
    visit.forgiven.push(/502/);
    await visit.goTo(`/messages/${running.ids.held}`);
    await page.getByRole('button', { name: 'Resend as new' }).click();
    await page.route('**/resend', (route) => route.fulfill({ status: 200, body: '<h1>Welcome</h1>' }));
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('alert').getByText('What came was no whole answer of posthaste: try again.').waitFor();
    await page.route('**/resend', (route) => route.fulfill({ status: 502, body: '' }));
    await page.getByRole('button', { name: 'Submit' }).click();
    await page.getByRole('alert').getByText('The server answered 502.').waitFor();
  });

  test('shows HTML, text, source, header and attachments', async () => {
    const id = await submit(running, 'parts@example.org', {
      subject: 'Grüße 📖',
      html: '<h1>Hello</h1><img src="cid:dot"><p>See <a href="LIVE">there</a></p>'.replace(
        'LIVE',
        `${running.origin}/livez`,
      ),
      text: 'Hello in text.',
      attachments: [
        { filename: 'naïve "name".txt', contentType: 'text/plain', content: btoa('a file') },
        { filename: 'dot.png', contentType: 'image/png', cid: 'dot', content: DOT },
      ],
      options: { held: true },
    });
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo(`/messages/${id}`);
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { name: 'Hello' }).waitFor();
    expect(await frame.locator('img').getAttribute('src')).toMatch(/^data:image\/png/);
    expect(await visit.barriers()).toEqual([]);
    const window = page.context().waitForEvent('page');
    await frame.getByRole('link', { name: 'there' }).click();
    await (await window).waitForURL(`${running.origin}/livez`);
    expect(await (await window).evaluate('window.opener')).toBeNull();
    await page.getByRole('tab', { name: 'HTML' }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('Hello in text.').waitFor();
    await page.getByRole('tab', { name: 'Source' }).click();
    await page.getByText(/^Content-Type: multipart/m).waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.getByRole('tab', { name: 'Headers' }).click();
    await page.getByRole('cell', { name: 'Subject' }).waitFor();
    await page.getByRole('tab', { name: 'Attachments (2)' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('link', { name: 'naïve "name".txt' }).click();
    expect((await download).suggestedFilename()).toMatch(/^na.ve .name.\.txt$/);
  });

  test('that is not there is not found, and in the dark on a narrow screen all is as well', async () => {
    const visit = await open(running, { colorScheme: 'dark', viewport: { width: 360, height: 700 } });
    visit.forgiven.push(/40[04]/);
    const { page } = visit;
    for (const id of ['0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11', 'nonsense']) {
      await visit.goTo(`/messages/${id}`);
      await page.getByText('There is no such message').waitFor();
    }
    await visit.goTo(`/messages/${running.ids.bounced}`);
    await page.getByText('Dear reader.').waitFor();
    expect(await visit.isTooWide()).toBe(false);
    expect(await visit.barriers()).toEqual([]);
  });
});

const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

withBrowser('a hostile message', () => {
  const { open } = useBrowser();
  let running: Running;
  let outside: Awaited<ReturnType<typeof listener>>;
  beforeAll(async () => {
    [running, outside] = await Promise.all([serving(), listener()]);
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    outside.close();
  });

  test('runs nothing, asks nobody, leads nowhere, and its subject is a text', async () => {
    const at = `http://127.0.0.1:${outside.port}`;
    const subject = '<img src=x onerror="document.title=1"><script>alert(1)</script>';
    const id = await submit(running, 'victim@example.org', {
      subject,
      html: hostile(at),
      text: '</pre><script>alert(1)</script>',
    });
    const visit = await open(running);
    // The frame says of each thing that it did not do it.
    visit.forgiven.push(
      /violates the following Content Security Policy|Blocked|sandbox|ERR_BLOCKED|refused|Refused|Framing|ERR_/i,
    );
    const { page } = visit;
    page.on('dialog', () => expect.fail('a dialog was opened'));
    await visit.goTo('/messages');
    await page.getByRole('row').getByText(subject).click();
    await page.frameLocator('iframe').getByText('the end of it').waitFor();
    expect(await page.title()).toBe(`${subject} · posthaste`);
    expect(await visit.barriers()).toEqual([]);
    await page.getByRole('tab', { name: 'Text' }).click();
    await page.getByText('</pre><script>alert(1)</script>').waitFor();
    await page.getByRole('tab', { name: 'Source' }).click();
    await page.getByRole('tab', { name: 'Headers' }).click();
    expect(page.url()).toBe(`${running.origin}/messages/${id}`);
    expect(page.context().pages()).toHaveLength(1);
    expect(outside.count()).toBe(0);
    await page.getByRole('tab', { name: 'HTML' }).click();
    // Whoever asks for images gets those, and nothing else.
    const image = page.waitForRequest((request) => request.url() === `${at}/image.png`);
    await page.getByRole('button', { name: 'Load remote images' }).click();
    await image;
    await page.frameLocator('iframe').getByText('the end of it').waitFor();
    const asked = visit.takeRequestsTo((host) => host === `127.0.0.1:${outside.port}`);
    const paths = asked.map((url) => new URL(url).pathname);
    expect(new Set(paths)).toEqual(new Set(['/image.png', '/picture.png', '/background.png', '/poster.png']));
    await visit.close();
  });

  test('of giant or broken MIME is shown by what can be shown, and its octets', async () => {
    const visit = await open(running);
    const { page } = visit;
    for (const [name, content] of Object.entries(BROKEN)) {
      const response = await fetch(`${running.origin}/api/v1/messages/raw?from=a@example.com&to=${name}@example.org`, {
        method: 'POST',
        headers: { 'content-type': 'message/rfc822' },
        body: content,
      });
      const { id, detail } = (await response.json()) as { readonly id: string; readonly detail?: string };
      expect([name, detail]).toEqual([name, undefined]);
      await visit.goTo(`/messages/${id}`);
      await page.getByRole('tab', { name: 'Headers' }).click();
      await page.getByRole('cell', { name: 'Subject' }).waitFor();
      await page.getByRole('tab', { name: 'Source' }).click();
      await page.getByText(/Subject: broken/).waitFor();
      expect(await api(running, `/messages/${id}`)).toMatchObject({ contentKept: true });
    }
  });
});

/** Counts connections: also those that a browser opens before it asks for anything. */
async function listener(): Promise<{ readonly port: number; count(): number; close(): void }> {
  let count = 0;
  const server = createServer((socket) => {
    count++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, count: () => count, close: () => server.close() };
}

/** What mail has been seen to try, and some that it could. */
const hostile = (at: string): string => `
  <base href="${at}/">
  <meta http-equiv="refresh" content="0; url=${at}/refresh">
  <link rel="stylesheet" href="${at}/style.css"><link rel="preconnect" href="${at}"><LINK rel=dns-prefetch href="${at}">
  <link rel="prefetch" href="${at}/prefetch"><link rel="icon" href="${at}/icon.png"><link rel="manifest" href="${at}/manifest">
  <style>@import "${at}/import.css"; @font-face { font-family: x; src: url(${at}/font.woff) } body { font-family: x; background: url(${at}/background.png) }
    p { position: fixed; inset: 0; } </style>
  <script>document.title = 'taken'; top.location = '${at}/top'; fetch('${at}/fetch')</script>
  <script src="${at}/script.js"></script>
  <img src="${at}/image.png" onerror="alert(1)" onload="alert(2)"><img srcset="${at}/picture.png 2x">
  <svg><script>alert(1)</script><image href="${at}/picture.png"/></svg><svg onload="alert(3)"></svg>
  <iframe src="${at}/frame"></iframe><iframe srcdoc="<script>parent.alert(4)</script>"></iframe>
  <object data="${at}/object"></object><embed src="${at}/embed">
  <video poster="${at}/poster.png" src="${at}/video" autoplay></video><audio src="${at}/audio" autoplay></audio>
  <form id="f" action="${at}/form"><input name="x" autofocus onfocus="alert(5)"><button>Send</button></form>
  <a id="l" href="javascript:alert(6)">one</a><a href="${at}/top" target="_top">two</a>
  <details open ontoggle="alert(7)"><summary>s</summary></details>
  <h1>the end of it</h1>`;

const BROKEN: Readonly<Record<string, string>> = {
  deep: `Subject: broken\r\n${nested(200)}`,
  endless: `Subject: broken\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n${'--x\r\n\r\n'.repeat(20_000)}`,
  nothing: 'Subject: broken\r\nContent-Type: multipart/mixed\r\nContent-Transfer-Encoding: base64\r\n\r\n=%%%\r\n',
  characters:
    'Subject: broken =?utf-8?B?////?=\r\nContent-Type: text/html; charset="no-such"\r\n\r\n<p>\xff\x1b[31m</p>\r\n',
  large: `Subject: broken\r\n\r\n${'0123456789\r\n'.repeat(900_000)}`,
};

function nested(depth: number): string {
  const parts = Array.from(
    { length: depth },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
  );
  return `${parts.join('')}\r\ntext\r\n`;
}
