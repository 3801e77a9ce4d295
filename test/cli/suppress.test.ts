/** The list of suppressions, as people keep it. */
import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Folder } from './command.ts';

const lines = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('suppress', () => {
  test('adds, lists and removes addresses and domains, in whatever case and alphabet they are typed', async () => {
    using folder = new Folder();
    const added = await folder.out(
      'suppress',
      'add',
      'Bob@Example.COM',
      '@bücher.example',
      '--reason',
      'complaint',
      '--until',
      '2099-01-31',
      '--note',
      'by phone',
    );
    expect(added).toBe('2 entries suppressed');
    const [domain, address] = lines(await folder.out('suppress', 'list', '--json'));
    const until = Date.UTC(2099, 0, 31);
    expect(address).toEqual({
      target: 'bob@example.com',
      reason: 'complaint',
      since: expect.any(Number),
      until,
      note: 'by phone',
    });
    expect(domain?.target).toBe('@xn--bcher-kva.example');
    const table = await folder.out('suppress', 'list', 'ann@Bücher.example');
    expect(table).toMatch(
      /^TARGET +SINCE +UNTIL +REASON +NOTE\n@xn--bcher-kva.example +\d{4}-.* 2099-01-31 00:00Z +complaint +by phone\n1 entry$/,
    );
    expect(await folder.out('suppress', 'list', 'ann@example.com')).toBe('no entries');
    expect(await folder.out('suppress', 'remove', 'BOB@example.com', 'bob@example.com', '--json')).toBe(
      '{"command":"suppress remove","count":1}',
    );
    expect(await folder.run(['suppress', 'remove', 'bob@example.com'])).toMatchObject({
      code: 1,
      stderr: 'posthaste: bob@example.com: not in the list\n',
    });
  });

  test('refuses what is no address or no time, and then keeps nothing', async () => {
    using folder = new Folder();
    const bad = await folder.run(['suppress', 'add', 'ann@example.com', 'example.com', '@*.example.com']);
    expect(bad.code).toBe(1);
    expect(bad.stderr.split('\n')).toEqual([
      'posthaste: "example.com" is no address and no @domain: it has no local part and domain with an @ between them',
      'posthaste: "@*.example.com" is no address and no @domain: it has a malformed domain',
      '',
    ]);
    for (const [until, fault] of [
      ['soon', 'is no time'],
      ['2020-01-01', 'is over'],
    ] as const) {
      const ran = await folder.run(['suppress', 'add', 'ann@example.com', '--until', until]);
      expect([ran.code, ran.stderr]).toEqual([
        64,
        `posthaste: --until "${until}" ${fault}: give 30d, 2027-01-31 or 2027-01-31T12:00Z\n`,
      ]);
    }
    expect(await folder.out('suppress', 'add', 'zed@example.com')).toBe('1 entry suppressed');
    expect(lines(await folder.out('suppress', 'list', '--json'))).toHaveLength(1);
  });

  test('exports what import reads again, and nothing that a spreadsheet computes', async () => {
    using folder = new Folder();
    await folder.out(
      'suppress',
      'add',
      '@example.org',
      '--reason',
      '=1+1',
      '--note',
      'said "no", twice',
      '--until',
      '40d',
    );
    await folder.out('suppress', 'add', 'ann@example.com', '--reason', 'asked');
    const before = await folder.out('suppress', 'list', '--json');
    const csv = (await folder.run(['suppress', 'export'])).stdout;
    const [header, domain, address, ...rest] = csv.split('\r\n');
    expect([header, rest]).toEqual(['target,reason,since,until,note', ['']]);
    expect(domain).toMatch(/^'@example\.org,'=1\+1,[\d-]+T[\d:.]+Z,[\d-]+T[\d:.]+Z,"said ""no"", twice"$/);
    expect(address).toMatch(/^ann@example\.com,asked,[^,]+,,$/);
    await folder.out('suppress', 'remove', '@example.org', 'ann@example.com');
    expect((await folder.run(['suppress', 'import'], { input: csv })).stdout).toBe('2 entries imported\n');
    expect(await folder.out('suppress', 'list', '--json')).toBe(before);
  });

  test('import takes the exports of mail services, names each bad line by its number, and goes on', async () => {
    using folder = new Folder();
    const file = `${folder.path}/bounces.csv`;
    const rows = [
      'Email,Reason,Created,Ignored',
      'ann@example.com,550 no such user,1700000000,x',
      'nonsense,x,,',
      'bob@example.com,"two',
      'lines",2026-11-02,',
      'cy@example.com,,yesterday,',
      '',
      'di@example.com,,,,,',
      'ed@example.com',
    ];
    writeFileSync(file, rows.join('\n'));
    const dry = await folder.run(['suppress', 'import', file, '--dry-run', '--json']);
    expect([dry.code, JSON.parse(dry.stdout)]).toEqual([
      1,
      { command: 'suppress import', count: 3, refused: 3, dryRun: true },
    ]);
    expect(await folder.out('suppress', 'list')).toBe('no entries');
    const ran = await folder.run(['suppress', 'import', file]);
    expect([ran.code, ran.stdout]).toEqual([1, '3 entries imported, 3 lines left out\n']);
    expect(ran.stderr.split('\n')).toEqual([
      'posthaste: line 3: "nonsense" is no address and no @domain: it has no local part and domain with an @ between them',
      'posthaste: line 6: since is "yesterday": give a time such as 2027-01-31T12:00:00Z',
      'posthaste: line 8: has 6 fields, and the header has 4',
      '',
    ]);
    expect(lines(await folder.out('suppress', 'list', '--json'))).toMatchObject([
      { target: 'ann@example.com', reason: '550 no such user', since: 1_700_000_000_000 },
      { target: 'bob@example.com', reason: 'two\nlines', since: Date.UTC(2026, 10, 2) },
      { target: 'ed@example.com', reason: 'asked', until: null, note: null },
    ]);
  });

  test.each([
    ['', 'standard input is empty: its first line names the columns'],
    [
      'ann@example.com\n',
      'line 1: the first line names the columns, one of them target (or email, address); found "ann@example.com"',
    ],
  ])('import of %j says that a header is missing', async (input, fault) => {
    using folder = new Folder();
    const ran = await folder.run(['suppress', 'import'], { input });
    expect([ran.code, ran.stdout, ran.stderr]).toEqual([1, '', `posthaste: ${fault}\n`]);
  });

  test('import of a file that is not there says so', async () => {
    using folder = new Folder();
    const ran = await folder.run(['suppress', 'import', 'none.csv']);
    expect([ran.code, ran.stderr]).toEqual([
      1,
      expect.stringContaining("ENOENT: no such file or directory, open 'none.csv'"),
    ]);
  });

  test('import and export of many lines need little memory', async () => {
    using folder = new Folder();
    const file = `${folder.path}/many.csv`;
    const count = 40_000;
    writeFileSync(file, `target\n${Array.from({ length: count }, (_, i) => `user${i}@example.com\n`).join('')}`);
    const environment = { NODE_OPTIONS: '--max-old-space-size=40' };
    const ran = await folder.run(['suppress', 'import', file], { environment });
    expect([ran.stdout, ran.stderr]).toEqual(['40,000 entries imported\n', '']);
    const exported = await folder.run(['suppress', 'export'], { environment });
    expect(exported.stdout.split('\r\n')).toHaveLength(count + 2);
  });
});
