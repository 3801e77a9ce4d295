/** The page of those to whom nothing is sent. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { api, type Running, serving, useBrowser, type Visit, withBrowser } from './browser.ts';

withBrowser('suppression', () => {
  const { open } = useBrowser();
  let running: Running;
  let visit: Visit;

  const targets = async (): Promise<string[]> => {
    const { rows } = await api(running, '/suppressions?limit=1000');
    return rows.map(({ target }: { target: string }) => target);
  };
  const csv = (name: string, text: string) => ({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });

  beforeAll(async () => {
    running = await serving();
  });
  afterAll(() => running[Symbol.asyncDispose]());
  beforeEach(async () => {
    const all = await targets();
    if (all.length > 0) await api(running, '/suppressions/remove', { targets: all });
    visit = await open(running);
  });

  const suppress = (...entries: readonly object[]) => api(running, '/suppressions', { entries });

  test('addresses are added, several at once, by the keyboard alone', async () => {
    const { page } = visit;
    await visit.goTo('/suppression');
    await page.getByText('Nobody is suppressed').waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.getByRole('button', { name: 'Add' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Send no more mail to' }).waitFor();
    expect(await visit.barriers()).toEqual([]);
    await page.keyboard.type('Bob@Example.com\n@spam.example');
    await page.keyboard.press('Tab');
    await page.keyboard.type('complained');
    await page.getByLabel('Until the end of').fill('2099-12-31');
    await page.getByLabel('Note', { exact: true }).fill('<i>by phone</i>');
    await page.getByLabel('Note', { exact: true }).press('Enter');
    await page.getByText('2 entries get no more mail.').waitFor();
    await page.getByText('<i>by phone</i>').first().waitFor();
    const { rows } = await api(running, '/suppressions');
    const until = new Date('2100-01-01T00:00:00+01:00').getTime();
    expect(rows).toMatchObject([
      { target: '@spam.example', reason: 'complained', until, note: '<i>by phone</i>' },
      { target: 'bob@example.com', reason: 'complained', until },
    ]);
  });

  test('what is no address is told where it was written, and nothing is kept', async () => {
    visit.forgiven.push(/400/);
    await visit.goTo('/suppression');
    await visit.page.getByRole('button', { name: 'Add' }).click();
    await visit.page.getByLabel('Addresses or @domains').fill('fine@example.com nonsense');
    await visit.page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
    await visit.page.getByRole('alert').filter({ hasText: 'nonsense' }).waitFor();
    expect(await targets()).toEqual([]);
    await visit.page.keyboard.press('Escape');
    await visit.page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  test('an entry is taken out, and put back as it was by Undo', async () => {
    await suppress({ target: 'ann@example.com', note: 'keep me' });
    const before = await api(running, '/suppressions');
    await visit.goTo('/suppression');
    await visit.page.getByRole('button', { name: 'Take out ann@example.com' }).click();
    await visit.page.getByText('Nobody is suppressed').waitFor();
    await visit.page.getByRole('button', { name: 'Undo' }).click();
    await visit.page.getByText('keep me').waitFor();
    expect(await api(running, '/suppressions')).toEqual(before);
  });

  test('entries are found by a part, and a whole address is told whether it gets mail', async () => {
    await suppress(
      { target: '@spam.example' },
      { target: 'ann@example.com' },
      { target: 'over@example.org', until: 1 },
    );
    const { page } = visit;
    await visit.goTo('/suppression');
    const rows = page.getByRole('rowheader');
    await rows.nth(2).waitFor();
    await page.getByText('over', { exact: true }).waitFor();
    const field = page.getByLabel('Find an address or a domain');
    await field.fill('ANN');
    await rows.nth(1).waitFor({ state: 'detached' });
    expect(await rows.allInnerTexts()).toEqual(['ann@example.com']);
    await field.fill('x@spam.example');
    await page.getByText('x@spam.example gets no mail: @spam.example is in the list').waitFor();
    await field.fill('bob@example.com');
    await page.getByText('bob@example.com gets mail').waitFor();
    await page.getByText('No entry is like that').waitFor();
    expect(await visit.barriers()).toEqual([]);
  });

  test('a long list comes page by page', async () => {
    await suppress(...Array.from({ length: 150 }, (_, i) => ({ target: `a${1000 + i}@example.com` })));
    await visit.goTo('/suppression');
    await visit.page.getByText('a1099@example.com').waitFor();
    expect(await visit.page.getByRole('rowheader').count()).toBe(100);
    await visit.page.getByRole('button', { name: 'Show more' }).click();
    await visit.page.getByText('a1149@example.com').waitFor();
    expect(await visit.page.getByRole('rowheader').count()).toBe(150);
  });

  test('a file is looked through before it is kept, and the lines that are no entries are named', async () => {
    const { page } = visit;
    visit.forgiven.push(/400/);
    await visit.goTo('/suppression');
    await page.getByRole('button', { name: 'Import' }).click();
    const dialog = page.getByRole('dialog', { name: 'Import a list' });
    expect(await dialog.getByRole('button', { name: 'Add' }).isDisabled()).toBe(true);
    await dialog.getByLabel('File').setInputFiles(csv('wrong.csv', 'no,list\n'));
    await dialog.getByRole('alert').filter({ hasText: 'the first line names the columns' }).waitFor();
    await dialog
      .getByLabel('File')
      .setInputFiles(csv('list.csv', 'email,reason\na@x.org,bounced\nnonsense,\nb@x.org,\n'));
    await dialog.getByText('2 lines are entries, and 1 is none and will be left out.').waitFor();
    await dialog.getByText(/^Line 3: .*nonsense/).waitFor();
    expect(await visit.barriers()).toEqual([]);
    expect(await targets()).toEqual([]);
    await dialog.getByRole('button', { name: 'Add 2 entries' }).click();
    await page.getByText('2 entries of list.csv are in the list.').waitFor();
    await page.getByText('b@x.org').waitFor();
    expect(await targets()).toEqual(['a@x.org', 'b@x.org']);
  });

  test('the list is saved as a file', async () => {
    await suppress({ target: 'ann@example.com', reason: 'bounced' });
    await visit.goTo('/suppression');
    const [download] = await Promise.all([
      visit.page.waitForEvent('download'),
      visit.page.getByRole('link', { name: 'Export' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('suppressions.csv');
    expect(readFileSync(await download.path(), 'utf8')).toContain('ann@example.com,bounced');
  });

  test.each([
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { viewport: { width: 360, height: 640 } }],
  ] as const)('%s, it can be read', async (_, options) => {
    await suppress({ target: `${'long'.repeat(15)}@${'domain.'.repeat(10)}example`, note: 'x'.repeat(80) });
    const other = await open(running, options);
    await other.goTo('/suppression');
    await other.page.getByRole('rowheader').waitFor();
    expect([await other.isTooWide(), await other.barriers()]).toEqual([false, []]);
  });
});
