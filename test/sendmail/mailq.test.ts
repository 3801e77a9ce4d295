/** What programs read of the queue: the forms of postqueue -p, postqueue -j and qshape. */
import { describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { BIN } from '../support/posthaste.ts';
import { installed } from '../support/smtp-sink.ts';
import { Sandbox } from './sandbox.ts';

const WHY = 'No worker has been seen: start posthaste serve or posthaste work.';

async function filled(): Promise<Sandbox> {
  const box = new Sandbox({ TZ: 'UTC' });
  await box.sendmail(
    ['-f', 'ann@example.com', 'a@example.com', 'b@example.org'],
    `Subject: 1\n\n${'x\n'.repeat(1000)}`,
  );
  await box.sendmail(['-f', '', 'a@sub.example.com'], `Subject: 2\n\n${'x\n'.repeat(1000)}`);
  return box;
}

function posthaste(box: Sandbox, ...args: string[]): ReturnType<Sandbox['run']> {
  return box.run(process.execPath, [BIN, ...args]);
}

describe('mailq', () => {
  test('of an empty queue says so, and of none that there is none', async () => {
    using box = new Sandbox();
    const none = await box.run(`${box.bin}/mailq`, []);
    expect(none.code).toBe(1);
    expect(none.stderr).toContain(`there is no queue at ${box.data}/posthaste.db`);
    await posthaste(box, 'migrate');
    expect(await box.run(`${box.bin}/mailq`, [])).toEqual({ code: 0, stdout: 'Mail queue is empty\n', stderr: '' });
  });

  test('prints each message with its size, arrival, sender, recipients and the reason why they wait, as postqueue -p does', async () => {
    using box = await filled();
    const [first, second] = (await box.kept()).map(({ message }) => message);
    if (first === undefined || second === undefined) throw new Error('two messages were sent');
    const ctime = (at: number): string =>
      new Date(at).toUTCString().replace(/^(...), (..) (...) .... (.*) GMT$/, '$1 $3 $2 $4');
    const { stdout } = await box.run(`${box.bin}/mailq`, ['-v']);
    expect(stdout).toBe(
      [
        '-Queue ID-  --Size-- ----Arrival Time---- -Sender/Recipient-------',
        `${second.id}    ${second.size} ${ctime(second.createdAt)}  MAILER-DAEMON`,
        `${' '.repeat(76 - WHY.length)}(${WHY})`,
        `${' '.repeat(41)}a@sub.example.com`,
        '',
        `${first.id}    ${first.size} ${ctime(first.createdAt)}  ann@example.com`,
        `${' '.repeat(76 - WHY.length)}(${WHY})`,
        `${' '.repeat(41)}a@example.com`,
        `${' '.repeat(41)}b@example.org`,
        '',
        `-- ${Math.floor((first.size + second.size) / 1024)} Kbytes in 2 Requests.`,
        '',
      ].join('\n'),
    );
    expect((await box.sendmail(['-bp'])).stdout).toBe(stdout);
  });

  test('marks what is being sent with * and what is held with !', async () => {
    using box = await filled();
    const [first, second] = await box.kept();
    const store = await openStore(`${box.data}/posthaste.db`, { here: true });
    const now = Date.now();
    await store.move({ ids: [second?.message.id ?? ''], states: ['queued'] }, 'held', { now, expiresAt: now + 60_000 });
    await store.claim({ relay: 'default', limit: 10, now, until: now + 60_000, holder: first?.message.id ?? '' });
    await store.close();
    const { stdout } = await box.run(`${box.bin}/mailq`, []);
    expect(stdout).toMatch(new RegExp(`^${first?.message.id}\\* `, 'm'));
    expect(stdout).toMatch(new RegExp(`^${second?.message.id}! `, 'm'));
    const names = (await posthaste(box, 'mailq', '--json')).stdout.trim().split('\n');
    expect(names.map((line) => JSON.parse(line).queue_name)).toEqual(['hold', 'active']);
  });

  test('--json prints an object a line with the keys of postqueue -j', async () => {
    using box = await filled();
    const [first] = (await box.kept()).map(({ message }) => message);
    const { stdout } = await posthaste(box, 'mailq', '--json');
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toEqual({
      queue_name: 'incoming',
      queue_id: first?.id,
      arrival_time: Math.floor((first?.createdAt ?? 0) / 1000),
      message_size: first?.size,
      forced_expire: false,
      sender: 'ann@example.com',
      recipients: [
        { address: 'a@example.com', delay_reason: WHY },
        { address: 'b@example.org', delay_reason: WHY },
      ],
    });
  });

  test('gives the last reply of the relay as the reason, once for neighbours that share it', async () => {
    using box = await filled();
    const [first] = await box.kept();
    const store = await openStore(`${box.data}/posthaste.db`, { here: true });
    const now = Date.now();
    const { claims } = await store.claim({
      relay: 'default',
      limit: 2,
      now,
      until: now + 60_000,
      holder: first?.message.id ?? '',
    });
    const [claim] = claims;
    const settled = (claim?.deliveries ?? []).map(({ id, ordinal }) => ({
      token: claim?.token ?? '',
      id,
      ordinal,
      state: 'queued' as const,
      reason: null,
      dueAt: now + 60_000,
      giveBack: false,
      reply: { code: 450, status: '4.2.0', text: 'greylisted' },
      inDoubt: false,
      delayReported: false,
      attempt: null,
    }));
    await store.settle([{ settlements: settled, reports: [] }], now);
    await store.close();
    const { stdout } = await box.run(`${box.bin}/mailq`, []);
    expect(stdout).toContain(
      `${' '.repeat(54)}(450 4.2.0 greylisted)\n${' '.repeat(41)}a@example.com\n${' '.repeat(41)}b@example.org\n`,
    );
  });
});

describe('qshape', () => {
  test('counts by domain and age, the largest first, in columns as wide as those of qshape(1)', async () => {
    using box = await filled();
    const { stdout } = await posthaste(box, 'qshape');
    expect(stdout).toBe(
      [
        `${' '.repeat(39)}  T  5 10 20 40 80 160 320 640 1280 1280+`,
        `${'TOTAL'.padStart(39)}  3  3  0  0  0  0   0   0   0    0     0`,
        `${'example.com'.padStart(39)}  1  1  0  0  0  0   0   0   0    0     0`,
        `${'example.org'.padStart(39)}  1  1  0  0  0  0   0   0   0    0     0`,
        `${'sub.example.com'.padStart(39)}  1  1  0  0  0  0   0   0   0    0     0`,
        '',
      ].join('\n'),
    );
  });

  test('--suppressed counts what ended because its recipient is suppressed', async () => {
    using box = await filled();
    await posthaste(box, 'suppress', 'add', '@sub.example.com');
    const total = async () => (await posthaste(box, 'qshape', '--suppressed', '--json')).stdout.split('\n')[0];
    expect(JSON.parse((await total()) ?? '')).toMatchObject({ total: 0 });
    await posthaste(box, 'work', '--once');
    expect(JSON.parse((await total()) ?? '')).toMatchObject({ domain: 'TOTAL', total: 1 });
  });

  test('--senders counts senders, and --json is for programs', async () => {
    using box = await filled();
    const { stdout } = await posthaste(box, 'qshape', '--senders', '--json');
    const [total, ...rest] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(total).toMatchObject({ domain: 'TOTAL', total: 3, ages: { 5: 3, 10: 0, '1280+': 0 } });
    expect(rest.map(({ domain, total }) => [domain, total])).toEqual([
      ['example.com', 2],
      ['MAILER-DAEMON', 1],
    ]);
  });

  const hasQshape = installed('qshape', '-h');
  test.skipIf(!hasQshape)('has the head of the real one', async () => {
    using box = await filled();
    const { stdout } = await posthaste(box, 'qshape');
    const real = await box.run('qshape', ['-c', box.path, box.bin]);
    expect(real.stdout.split('\n')[0]).toBe(stdout.split('\n')[0]);
  });
});
