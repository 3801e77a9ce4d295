import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type LoadResult, showComplaint } from '../../src/config/load.ts';
import { type ReadOptions, readConfig } from '../../src/config/read.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'posthaste-config-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

function read(options: Partial<ReadOptions> = {}): Promise<LoadResult> {
  return readConfig({ flags: {}, environment: {}, cwd: folder, ...options });
}

function write(name: string, text: string): void {
  writeFileSync(join(folder, name), text);
}

const sentences = (result: LoadResult): readonly string[] =>
  'complaints' in result ? result.complaints.map(showComplaint) : [];

describe('configuration files', () => {
  test.each([
    ['posthaste.config.ts', 'const hops: number = 7;\nexport default { maxHops: hops };'],
    ['posthaste.config.mts', 'export default { maxHops: 7 as number };'],
    ['posthaste.config.js', 'export default { maxHops: 7 };'],
    ['posthaste.config.mjs', 'export default { maxHops: 7 };'],
    ['posthaste.config.json', '{ "maxHops": 7 }'],
  ])('%s is found in the working directory', async (name, text) => {
    write(name, text);
    expect(await read()).toMatchObject({
      loaded: { config: { maxHops: 7 }, origins: { maxHops: `maxHops in ${join(folder, name)}` } },
    });
  });

  test('a CommonJS file gives what it exports', async () => {
    write('posthaste.config.js', 'module.exports = { maxHops: 7 };');
    expect(await read()).toMatchObject({ loaded: { config: { maxHops: 7 } } });
  });

  test('another can be named, by flag before variable', async () => {
    write('a.json', '{ "maxHops": 1 }');
    write('b.json', '{ "maxHops": 2 }');
    const environment = { POSTHASTE_CONFIG: 'b.json' };
    expect(await read({ environment })).toMatchObject({ loaded: { config: { maxHops: 2 } } });
    expect(await read({ configFile: 'a.json', environment })).toMatchObject({ loaded: { config: { maxHops: 1 } } });
  });

  test('other folders than the working directory are looked into in their order', async () => {
    const [first, second] = ['first', 'second'].map((name) => join(folder, name));
    for (const path of [first, second]) mkdirSync(path ?? '');
    write('second/posthaste.config.json', '{ "maxHops": 2 }');
    const folders = [first ?? '', second ?? ''];
    expect(await read({ folders })).toMatchObject({ loaded: { config: { maxHops: 2 } } });
    write('first/posthaste.config.json', '{ "maxHops": 1 }');
    expect(await read({ folders })).toMatchObject({ loaded: { config: { maxHops: 1 } } });
    write('posthaste.config.json', '{ "maxHops": 7 }');
    expect(await read({ folders: [second ?? ''] })).toMatchObject({ loaded: { config: { maxHops: 2 } } });
    expect(await read({ folders: [] })).toMatchObject({ loaded: { origins: { maxHops: 'default' } } });
  });

  test('two of them are an error', async () => {
    write('posthaste.config.json', '{}');
    write('posthaste.config.mjs', 'export default {};');
    expect(sentences(await read())).toEqual([
      `${join(folder, 'posthaste.config.json')} stands beside ${join(folder, 'posthaste.config.mjs')}; keep one of them`,
    ]);
  });

  test('one that is named and missing is an error that names it', async () => {
    expect(sentences(await read({ configFile: 'none.json' }))[0]).toMatch(/none\.json cannot be read: ENOENT/);
  });

  test.each([
    ['', 'it is empty, write settings into it or remove it'],
    [' \n', 'it is empty, write settings into it or remove it'],
    [
      '{\n  "maxHops": 7,\n  "relays": {\n  "a":\n',
      'Unexpected end of JSON input (line 4 column 7): something is not closed',
    ],
    ['{ "maxHops": 7', /position 14 \(line 1 column 15\)/],
  ])('of %j it is said what is wrong, and where', async (text, fault) => {
    write('posthaste.config.json', text);
    const [sentence = ''] = sentences(await read());
    expect(sentence).toMatch(/posthaste\.config\.json cannot be read: /);
    expect(sentence.split('cannot be read: ')[1]).toEqual(
      typeof fault === 'string' ? fault : expect.stringMatching(fault),
    );
  });

  test('one with a fault in its syntax is an error that names it', async () => {
    write('posthaste.config.json', '{ maxHops: 7 }');
    expect(sentences(await read())[0]).toMatch(/posthaste\.config\.json cannot be read: .*JSON/);
  });

  test('a module without a default export is an error', async () => {
    write('posthaste.config.mjs', 'export const maxHops = 7;');
    expect(sentences(await read())[0]).toMatch(/must give one object/);
  });
});

describe('files of secrets', () => {
  test('one is read from beside the working directory', async () => {
    write('relay', 'smtp://user:password@host:587\n');
    expect(await read({ environment: { POSTHASTE_RELAY_FILE: 'relay' } })).toMatchObject({
      loaded: { config: { relay: 'smtp://user:password@host:587' } },
    });
  });

  test('one that is missing is an error', async () => {
    expect(sentences(await read({ environment: { POSTHASTE_RELAY_FILE: 'relay' } }))[0]).toMatch(
      /POSTHASTE_RELAY_FILE is "relay": .*ENOENT/,
    );
  });
});

test('further checks add their complaints', async () => {
  const fault = { key: 'relay', origin: '--relay', value: null, fault: 'is not liked' };
  expect(sentences(await read({ checks: [() => [fault]] }))).toEqual(['relay (--relay) is not liked']);
});
