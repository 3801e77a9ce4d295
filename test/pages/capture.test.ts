/** The inbox of mail that stays here. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startRelay } from '../../src/testing/relay/scripted.ts';
import { submitOne } from '../support/load.ts';
import { api, type Running, serving, useBrowser, type Visit, withBrowser } from './browser.ts';

withBrowser('capture', () => {
  const { open } = useBrowser();
  let running: Running;
  let visit: Visit;

  const submit = async (subject: string, more: object = {}): Promise<string> => {
    const mail = {
      from: 'Shop <shop@example.com>',
      to: 'ann@example.org',
      subject,
      text: `text of ${subject}`,
      ...more,
    };
    const { id } = await api(running, '/messages', mail);
    await running.server.line((line) => line.msg === 'captured' && line.id === id);
    return id;
  };
  const line = (text: string) =>
    visit.page.getByRole('navigation', { name: 'Captured messages' }).getByRole('link').filter({ hasText: text });
  const heading = (text: string) => visit.page.getByRole('heading', { name: text, exact: true });

  beforeAll(async () => {
    running = await serving();
  });
  afterAll(() => running[Symbol.asyncDispose]());
  beforeEach(async () => {
    await api(running, '/messages/cancel', { filter: { state: ['captured'] } });
    visit = await open(running);
  });

  test('it comes first where no relay is set, says how to send, and shows what comes at once', async () => {
    await visit.goTo('/');
    await heading('Capture').waitFor();
    await visit.page.getByText('Nothing was captured yet').waitFor();
    expect(new URL(visit.page.url()).pathname).toBe('/capture');
    expect(await visit.barriers()).toEqual([]);
    await submitOne(running.smtpPort, ['bob@example.org'], 'Subject: First\r\n\r\nlight');
    await heading('First').waitFor();
    await visit.page.getByText('light', { exact: true }).waitFor();
    await submit('Second');
    await heading('Second').waitFor();
    expect(await line('').allTextContents()).toEqual([
      expect.stringContaining('Second'),
      expect.stringContaining('First'),
    ]);
    await visit.page.getByRole('link', { name: 'Overview' }).click();
    await heading('Overview').waitFor();
  });

  test('the newest is open, what is chosen stays open when more comes, and keys move', async () => {
    for (const subject of ['one', 'two', 'three']) await submit(subject);
    await visit.goTo('/capture');
    await heading('three').waitFor();
    await visit.page.keyboard.press('j');
    await heading('two').waitFor();
    await visit.page.keyboard.press('j');
    await heading('one').waitFor();
    await visit.page.keyboard.press('k');
    await heading('two').waitFor();
    await submit('four');
    await line('four').waitFor();
    await heading('two').waitFor();
    expect(await line('two').getAttribute('aria-current')).toBe('true');
    await visit.page.reload();
    await heading('two').waitFor();
    await visit.page.keyboard.press('Escape');
    await heading('four').waitFor();
    await visit.page.getByLabel('Find a captured message').fill('THRE');
    await heading('three').waitFor();
    await visit.page.getByLabel('Find a captured message').fill('no such thing');
    await visit.page.getByText('No captured message is like that').waitFor();
  });

  test('all of a message can be seen: HTML, text, source, headers, attachments', async () => {
    const content = Buffer.from('a,b').toString('base64');
    await submit('All of it', {
      html: '<h1>Dear <b>Ann</b></h1>',
      to: ['ann@example.org', 'bob@example.org'],
      attachments: [{ filename: 'table.csv', contentType: 'text/csv', content }],
      options: { tags: ['welcome'] },
    });
    await visit.goTo('/capture');
    const { page } = visit;
    await page.frameLocator('iframe').getByRole('heading', { name: 'Dear Ann' }).waitFor();
    expect(await visit.barriers()).toEqual([]);
    expect(await line('').count()).toBe(1);
    expect(await line('All of it').textContent()).toContain('ann@example.org, bob@example.org');
    await page.getByText('welcome').waitFor();
    await page.getByRole('tab', { name: 'Text' }).click();
    await page.getByText('text of All of it').waitFor();
    await page.getByRole('tab', { name: 'Source' }).click();
    await page.getByText('Content-Type: multipart/mixed').waitFor();
    await page.getByRole('tab', { name: 'Headers' }).click();
    await page.getByRole('cell', { name: 'Subject' }).waitFor();
    await page.getByRole('tab', { name: 'Attachments (1)' }).click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'table.csv' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('table.csv');
    await page.getByRole('link', { name: 'Details' }).click();
    await page.waitForURL(/\/messages\/[\w-]+$/);
  });

  test('one is removed, and then all', async () => {
    for (const subject of ['one', 'two', 'three']) await submit(subject);
    await visit.goTo('/capture');
    await line('two').click();
    await heading('two').waitFor();
    await visit.page.getByRole('button', { name: 'Remove', exact: true }).click();
    await line('two').waitFor({ state: 'detached' });
    await heading('three').waitFor();
    await visit.page.getByRole('button', { name: 'Remove all' }).click();
    const question = visit.page.getByRole('dialog', { name: 'Remove all captured messages?' });
    await question.waitFor();
    expect(await visit.barriers()).toEqual([]);
    await question.getByRole('button', { name: 'Remove all' }).click();
    await visit.page.getByText('2 deliveries are removed.').waitFor();
    await visit.page.getByText('Nothing was captured yet').waitFor();
  });

  test('on a narrow screen there is the list or the message, in the dark too', async () => {
    await submit('A subject that is a good deal longer than any narrow screen can be wide, and then some more');
    const narrow = await open(running, { viewport: { width: 360, height: 640 }, colorScheme: 'dark' });
    await narrow.goTo('/capture');
    const link = narrow.page.getByRole('link', { name: /^A subject/ });
    await link.waitFor();
    expect([await narrow.isTooWide(), await narrow.barriers()]).toEqual([false, []]);
    await link.click();
    await narrow.page.getByText('text of A subject').waitFor();
    expect(await link.isVisible()).toBe(false);
    expect([await narrow.isTooWide(), await narrow.barriers()]).toEqual([false, []]);
    await narrow.page.getByRole('button', { name: 'All messages' }).click();
    await link.waitFor();
  });
});

withBrowser('the first page', () => {
  const { open } = useBrowser();

  test('is the overview where a relay is set', async () => {
    await using relay = await startRelay();
    await using running = await serving(['--relay', relay.url]);
    const visit = await open(running);
    await visit.goTo('/');
    await visit.page.getByRole('heading', { name: 'Overview' }).waitFor();
    await visit.close();
  });
});
