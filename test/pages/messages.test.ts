/** The list of messages: found, moved through by keys, acted on with a way back, and kept up to date. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { api, type Running, serving, useBrowser, type Visit, withBrowser } from './browser.ts';
import { type Filled, filled, submit } from './mail.ts';

const row = ({ page }: Visit, name: string | RegExp) => page.getByRole('row').filter({ hasText: name });

withBrowser('the list of messages', () => {
  const { open } = useBrowser();
  let running: Filled;
  beforeAll(async () => {
    running = await filled();
  });
  afterAll(() => running[Symbol.asyncDispose]());

  test('shows each delivery with its state and what is next, or was said', async () => {
    const visit = await open(running);
    await visit.goTo('/messages');
    await row(visit, 'deferred@example.org').getByText('452 4.2.2 mailbox full').waitFor();
    await row(visit, 'bounced@example.org').getByText('550 5.1.1 no such user').waitFor();
    await row(visit, 'held@example.org').getByText('held: operator').waitFor();
    await row(visit, 'later@example.org')
      .getByText(/next try in 2[34] h/)
      .waitFor();
    await visit.page.getByText('6 deliveries').waitFor();
    expect(await visit.barriers()).toEqual([]);
  });

  test('finds by what is written and chosen, and the address says it', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages');
    await page.getByRole('button', { name: 'Bounced' }).click();
    await page.getByText('1 delivery', { exact: true }).waitFor();
    expect(page.url()).toContain('state=bounced');
    await page.getByRole('button', { name: 'All' }).click();
    await page.keyboard.press('/');
    await page.keyboard.type('to:@example.org 4711 SENT');
    await page.keyboard.press('Enter');
    await row(visit, 'sent@example.org').waitFor();
    expect(await page.getByRole('row').count()).toBe(1);
    expect(new URL(page.url()).search).toBe('?recipient=%40example.org&text=4711+SENT');
    await page.reload();
    await row(visit, 'sent@example.org').waitFor();
    expect(await page.getByRole('searchbox').inputValue()).toBe('to:@example.org 4711 SENT');
    await page.getByRole('searchbox').fill('nobody has this');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing fits').waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.goBack();
    await row(visit, 'sent@example.org').waitFor();
  });

  test('narrows by time, in the zone of the reader', async () => {
    const visit = await open(running, { timezoneId: 'Asia/Tokyo' });
    const { page } = visit;
    await visit.goTo('/messages');
    await page.getByRole('button', { name: 'Time' }).click();
    await page.getByLabel('Submitted after').fill('2100-01-01T09:00');
    await page.keyboard.press('Enter');
    await page.getByText('Nothing fits').waitFor();
    expect(new URL(page.url()).searchParams.get('createdAfter')).toBe(String(Date.UTC(2100, 0, 1)));
    expect(await page.getByLabel('Submitted after').inputValue()).toBe('2100-01-01T09:00');
    await page.getByLabel('Submitted after').fill('');
    await page.keyboard.press('Enter');
    await page.getByLabel('Order').selectOption('Oldest first');
    await page.getByRole('row').nth(4).waitFor();
    await row(visit, 'sent@example.org').and(page.locator('[aria-rowindex="1"]')).waitFor();
  });

  test.each(['createdAfter=abc', 'createdBefore=1e99', 'createdAfter=8640000000000000', 'state=nonsense'])(
    'says of %s in its address that it is wrong, and can be searched all the same',
    async (query) => {
      const visit = await open(running, { timezoneId: 'Asia/Tokyo' });
      const { page } = visit;
      visit.forgiven.push(/400/);
      await visit.goTo(`/messages?${query}`);
      await page.getByText('is not as it must be').waitFor();
      await page.getByRole('button', { name: 'Bounced' }).waitFor();
      await page.getByRole('searchbox').fill('to:sent@example.org');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'All' }).waitFor();
      expect(new URL(page.url()).searchParams.get('recipient')).toBe('sent@example.org');
    },
  );

  test('is moved through by keys, as a mail client is', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages?recipient=@example.org&order=oldest');
    await row(visit, 'later@').waitFor();
    const active = (name: string) => row(visit, name).and(page.locator('[data-active="true"]')).waitFor();
    await active('sent@');
    await page.keyboard.press('j');
    await page.keyboard.press('ArrowDown');
    await active('deferred@');
    await page.keyboard.press('k');
    await active('bounced@');
    await page.keyboard.press('x');
    await page.keyboard.press('Shift+ArrowDown');
    await page.getByText('2 messages selected').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('5 deliveries').waitFor();
    await page.keyboard.press('End');
    await active('later@');
    await page.keyboard.press('Home');
    await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'For bounced@example.org' }).waitFor();
    await page.keyboard.press('j');
    await page.getByRole('heading', { name: 'For deferred@example.org' }).waitFor();
    await page.keyboard.press('k');
    await page.getByRole('heading', { name: 'For bounced@example.org' }).waitFor();
    await page.keyboard.press('Escape');
    await active('bounced@');
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Relays' }).waitFor();
    expect(await page.getByText('Due at once').count()).toBe(0);
    await page.goBack();
    await active('bounced@');
    expect(new URL(page.url()).search).toBe('?recipient=%40example.org&order=oldest');
  });

  test('holds, and takes that back', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages');
    await row(visit, 'later@').getByRole('checkbox').click();
    await page.getByRole('button', { name: 'Hold' }).click();
    // While somebody points at a note it stays.
    await page.getByText('Held 1 delivery.').hover();
    await row(visit, 'later@').getByText('held', { exact: true }).waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.keyboard.press('z');
    await page.getByText('Released 1 delivery.').waitFor();
    expect(await api(running, `/messages/${running.ids.later}`)).toMatchObject({
      deliveries: [{ state: expect.not.stringMatching('held') }],
    });
  });

  test('asks before it cancels, and counts first what a filter finds', async () => {
    const id = await submit(running, 'gone@other.example', { options: { held: true } });
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages?recipient=@other.example');
    await row(visit, 'gone@').waitFor();
    await page.keyboard.press('*');
    await page.getByRole('button', { name: 'Select all that the filter finds' }).click();
    await page.keyboard.press('#');
    const question = page.getByRole('dialog', { name: 'Cancel 1 delivery?' });
    await question.waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.keyboard.press('Escape');
    await question.waitFor({ state: 'detached' });
    expect(await api(running, `/messages/${id}`)).toMatchObject({ deliveries: [{ state: 'held' }] });
    await page.keyboard.press('#');
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.getByText('Cancelled 1 delivery.').waitFor();
    await row(visit, 'gone@').getByText('cancelled').waitFor();
    await page.keyboard.press('h');
    await page.getByText('Nothing to hold').waitFor();
  });

  test('does to what a filter finds no more than it counted', async () => {
    const later = { options: { sendAt: Date.now() + 86_400_000 } };
    await submit(running, 'before@asked.example', { options: { held: true } });
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages?recipient=@asked.example');
    await row(visit, 'before@').waitFor();
    const choose = async (key: string, name: string) => {
      await page.keyboard.press('*');
      await page.getByRole('button', { name: 'Select all that the filter finds' }).click();
      await page.keyboard.press(key);
      await page.getByRole('dialog', { name }).waitFor();
    };
    await choose('#', 'Cancel 1 delivery?');
    await submit(running, 'meanwhile@asked.example', { options: { held: true } });
    const waiting = await submit(running, 'waiting@asked.example', later);
    await page.getByRole('button', { name: 'Cancel it' }).click();
    await page.getByText('Cancelled 1 delivery.').waitFor();
    await row(visit, 'meanwhile@').getByText('held', { exact: true }).waitFor();
    await choose('u', 'Release 1 delivery?');
    await api(running, '/messages/hold', { ids: [waiting] });
    await page.getByRole('dialog').getByRole('button', { name: 'Release' }).click();
    await page.getByText('Released 1 delivery.').waitFor();
    expect((await api(running, `/messages/${waiting}`)).deliveries[0].state).toBe('held');
  });

  test('goes on by itself: what comes appears, and what changes does', async () => {
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages?recipient=@live.example');
    await page.getByText('Live', { exact: true }).waitFor();
    const id = await submit(running, 'new@live.example', { options: { held: true } });
    await row(visit, 'new@').getByText('held', { exact: true }).waitFor();
    await api(running, '/messages/cancel', { ids: [id] });
    await row(visit, 'new@').getByText('cancelled').waitFor();
  });

  test('keeps the keys at their message when others come before it', async () => {
    await submit(running, 'first@moving.example', { options: { held: true } });
    const visit = await open(running);
    const { page } = visit;
    await visit.goTo('/messages?recipient=@moving.example');
    await page.getByText('Live', { exact: true }).waitFor();
    await row(visit, 'first@').and(page.locator('[data-active="true"]')).waitFor();
    await submit(running, 'second@moving.example', { options: { held: true } });
    await row(visit, 'second@').waitFor();
    await row(visit, 'first@').and(page.locator('[data-active="true"]')).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'For first@moving.example' }).waitFor();
  });

  test('is told apart in the dark, and on a narrow screen nothing lies beside it', async () => {
    const visit = await open(running, { colorScheme: 'dark', viewport: { width: 360, height: 700 } });
    await visit.goTo('/messages');
    await row(visit, 'held@').waitFor();
    expect(await visit.isTooWide()).toBe(false);
    expect(await visit.barriers()).toEqual([]);
  });
});

withBrowser('the list for those who may only look', () => {
  const { open } = useBrowser();

  test('has nothing to act with', async () => {
    await using running = await serving([], { POSTHASTE_ADMIN_VIEWERS: 'vera:watch' });
    const visit = await open(running);
    visit.forgiven.push(/401/);
    const { page } = visit;
    await page.request.post(`${running.origin}/api/v1/session`, { data: { name: 'vera', password: 'watch' } });
    await visit.goTo('/messages');
    await page.getByText('No messages yet').waitFor();
    await sendTo(running);
    await page.getByRole('row').waitFor();
    expect(await page.getByRole('checkbox').count()).toBe(0);
    await page.keyboard.press('x');
    await page.keyboard.press('#');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.keyboard.press('Enter');
    await page.getByRole('tab', { name: 'Text' }).waitFor();
    expect(await page.getByRole('button', { name: /Retry|Hold|Release|Cancel|Resend/ }).count()).toBe(0);
    await visit.close();
  });
});

/** By the way in that asks nobody for a login. */
async function sendTo({ smtpPort }: Running): Promise<void> {
  const { createTransport } = await import('nodemailer');
  const transport = createTransport({ host: '127.0.0.1', port: smtpPort, ignoreTLS: true });
  await transport.sendMail({ from: 'a@example.com', to: 'b@example.org', subject: 'Hello', text: 'There.' });
  transport.close();
}
