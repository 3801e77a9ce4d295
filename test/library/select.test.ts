/** Finding, counting and changing what is in the queue: by id, ids or filter, and never more than was meant. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type MailQueue, type MessageFilter, openQueue, type Which } from '../../src/index.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let folder: ReturnType<typeof temporaryFolder>;
let queue: MailQueue;
let ids: string[];

beforeEach(async () => {
  folder = temporaryFolder();
  queue = await openQueue({ dataDir: folder.path });
  ids = [];
  for (const name of ['ann', 'bob', 'cy']) {
    const mail = { from: `${name}@example.com`, to: `${name}@example.org`, subject: `For ${name}`, text: 'x' };
    ids.push((await queue.submit(mail, { tags: [name], key: name })).id);
  }
});

afterEach(async () => {
  await queue.close();
  folder[Symbol.dispose]();
});

const found = async (filter: MessageFilter): Promise<string[]> =>
  (await Array.fromAsync(queue.find(filter))).map(({ recipient }) => recipient.slice(0, -'@example.org'.length));

describe('find', () => {
  test('by each field', async () => {
    const { messageId } = (await queue.get(ids[1] as string))?.message ?? {};
    const { createdAt = 0 } = (await queue.get(ids[1] as string))?.message ?? {};
    const bob: MessageFilter[] = [
      { ids: [ids[1] as string] },
      { recipient: 'BOB@example.org' },
      { sender: 'bob@example.com' },
      { subject: 'for BOB' },
      { messageId: messageId ?? '' },
      { tag: 'bob' },
      { key: 'bob' },
      { states: ['queued'], sender: '@example.com', tag: 'bob', createdAfter: new Date(0) },
    ];
    for (const filter of bob) expect([filter, await found(filter)]).toEqual([filter, ['bob']]);
    expect(await found({ states: ['held'] })).toEqual([]);
    expect(await found({ createdAfter: createdAt })).not.toContain('bob');
    expect(await found({ createdBefore: new Date(createdAt) })).not.toContain('bob');
  });

  test('newest or oldest first, no more than asked for, and page by page', async () => {
    const names = async (...args: Parameters<MailQueue['find']>): Promise<string[]> =>
      (await Array.fromAsync(queue.find(...args))).map(({ tags }) => tags[0] ?? '');
    expect(await names()).toEqual(['cy', 'bob', 'ann']);
    expect(await names({}, { order: 'oldest' })).toEqual(['ann', 'bob', 'cy']);
    expect(await names({}, { order: 'oldest', limit: 2 })).toEqual(['ann', 'bob']);
    const first = await queue.page({}, { limit: 2 });
    expect(first.rows.map(({ tags }) => tags[0])).toEqual(['cy', 'bob']);
    const second = await queue.page({}, { limit: 2, cursor: first.cursor ?? '' });
    expect([second.rows.map(({ tags }) => tags[0]), second.cursor]).toEqual([['ann'], null]);
  });
});

describe('a change', () => {
  test('takes an id, ids or a filter', async () => {
    const [ann, bob, cy] = ids as [string, string, string];
    expect(await queue.hold(ann)).toBe(1);
    expect(await queue.hold([bob, cy, ann])).toBe(2);
    expect(await queue.count([ann, cy])).toBe(2);
    expect(await queue.release(ann)).toBe(1);
    expect(await queue.cancel({ tag: 'bob' })).toBe(1);
    expect(await queue.cancel({ all: true })).toBe(2);
    expect(await queue.count({ states: ['cancelled'] })).toBe(3);
  });

  test('of no ids changes nothing', async () => {
    expect(await queue.cancel([])).toBe(0);
    expect(await queue.cancel({ ids: [] })).toBe(0);
    expect(await queue.count({ states: ['queued'] })).toBe(3);
  });

  test('retry by id takes what has ended, by a filter only where it names the state', async () => {
    const [ann, bob] = ids as [string, string];
    await queue.cancel([ann, bob]);
    expect(await queue.retry({ tag: 'ann' })).toBe(0);
    expect(await queue.retry(ann)).toBe(1);
    expect(await queue.retry({ tag: 'bob', states: ['cancelled'] })).toBe(1);
  });

  test.each<[unknown, string]>([
    [{}, 'An empty filter would change every delivery: give { all: true } where that is meant.'],
    [undefined, 'A filter is undefined: give an object'],
    [null, 'A filter is null: give an object'],
    [{ tag: undefined }, 'tag is undefined: give a text, or leave it out.'],
    [{ tag: '' }, 'tag is "": give a text'],
    [{ recipent: 'a@b.org' }, 'A filter has no field recipent: did you mean recipient?'],
    [{ states: ['lost'] }, 'states is ["lost"]: give an array of queued, sending'],
    [{ states: 'queued' }, 'states is "queued": give an array of'],
    [{ createdAfter: 'yesterday' }, 'createdAfter is "yesterday": give a Date'],
    [{ all: true, tag: 'x' }, 'all stands alone, as { all: true }.'],
    [{ all: false }, 'all stands alone, as { all: true }.'],
    ['1234', '"1234" is no queue id'],
    [['1234'], '"1234" is no queue id'],
  ])('by %j is refused and changes nothing', async (which, message) => {
    for (const change of ['cancel', 'hold', 'release', 'retry'] as const) {
      await expect(queue[change](which as Which)).rejects.toMatchObject({
        code: 'FILTER_INVALID',
        message: expect.stringContaining(message),
      });
    }
    expect(await queue.count({ states: ['queued'] })).toBe(3);
  });

  test('by more ids than one statement takes is refused', async () => {
    const ids = Array.from({ length: 10_001 }, () => '0190b6e4-93c2-7c1a-8d2e-5b1f0c9a7e11');
    await expect(queue.hold(ids)).rejects.toMatchObject({
      code: 'FILTER_INVALID',
      message: 'There are 10001 ids: give 10000 at most, or a filter.',
    });
    expect(await queue.hold(ids.slice(1))).toBe(0);
  });

  test.each([{ limit: 0 }, { limit: 1.5 }, { order: 'best' as 'newest' }, { cursor: '' }])(
    'a list with %j is refused',
    async (options) => {
      await expect(queue.page({}, options)).rejects.toMatchObject({ code: 'FILTER_INVALID' });
      await expect(queue.find({}, options).next()).rejects.toMatchObject({ code: 'FILTER_INVALID' });
    },
  );
});

describe('an international domain', () => {
  test.each(['@bücher.example', 'dee@bücher.example', '@xn--bcher-kva.example'])(
    '%s is meant as it was written',
    async (whom) => {
      await queue.submit({ from: 'dee@bücher.example', to: 'dee@bücher.example', subject: 'x', text: 'x' });
      for (const filter of [{ recipient: whom }, { sender: whom }]) {
        expect(await queue.count(filter)).toBe(1);
        expect(await queue.hold(filter)).toBe(1);
        expect(await queue.release(filter)).toBe(1);
      }
      expect(await queue.cancel({ recipient: whom })).toBe(1);
    },
  );
});
