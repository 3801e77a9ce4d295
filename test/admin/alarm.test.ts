/** Alerts: to a real webhook and a real command, once for each episode. */
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Alarm, type Teller } from '../../src/admin/alarm.ts';
import { command, webhook } from '../../src/admin/tellers.ts';
import { Overview } from '../../src/queue/overview.ts';
import { Stage } from '../support/delivery.ts';
import { temporaryFolder } from '../support/posthaste.ts';

let stage: Stage;
let hook: Server;
let answer = 204;
let heard: Record<string, unknown>[] = [];

beforeEach(async () => {
  stage = await Stage.open();
  answer = 204;
  heard = [];
  hook = createServer(async (request, response) => {
    const body = JSON.parse((await request.setEncoding('utf8').toArray()).join('')) as Record<string, unknown>;
    if (answer < 300) heard.push(body);
    response.writeHead(answer).end();
  });
  await new Promise<void>((resolve) => hook.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  hook.close();
  await stage[Symbol.asyncDispose]();
});

const url = (): string => `http://127.0.0.1:${(hook.address() as AddressInfo).port}/secret-token`;

function alarm(...tellers: readonly Teller[]): Alarm {
  const { clock, log, store } = stage;
  const limits = { silence: 15 * 60_000, age: null };
  return new Alarm({ overview: new Overview(store, clock), clock, log, host: 'mx', limits, tellers });
}

const said = (): unknown[] => heard.map(({ name, state }) => `${String(name)} ${String(state)}`);

test('each episode is told once when it begins and once when it is over', async () => {
  const one = alarm(webhook(url()));
  await stage.queue.pauseRelay('default', 'ann');
  await one.look();
  await one.look();
  expect(said().filter((each) => String(each).startsWith('relay'))).toEqual(['relay-paused:default raised']);
  expect(heard.find(({ name }) => name === 'relay-paused:default')).toMatchObject({
    text: 'relay default is paused by ann',
    host: 'mx',
    since: stage.clock.now(),
  });
  await stage.queue.resumeRelay('default');
  await one.look();
  await one.look();
  await stage.queue.pauseRelay('default', 'ann');
  await one.look();
  expect(said().filter((each) => String(each).startsWith('relay'))).toEqual([
    'relay-paused:default raised',
    'relay-paused:default over',
    'relay-paused:default raised',
  ]);
});

test('what a webhook did not take is told again, and its URL stays out of the log', async () => {
  const one = alarm(webhook(url()));
  await stage.queue.pauseRelay('default', 'ann');
  answer = 500;
  await one.look();
  expect(said()).toEqual([]);
  expect(JSON.stringify(stage.log.events)).toContain('the webhook answered 500');
  expect(JSON.stringify(stage.log.events)).not.toContain('secret-token');
  answer = 204;
  await one.look();
  expect(said()).toContain('relay-paused:default raised');
  answer = 500;
  await stage.queue.resumeRelay('default');
  await one.look();
  answer = 204;
  await one.look();
  expect(said().at(-1)).toBe('relay-paused:default over');
});

test('whoever has yet to hear that one is over hears nothing of the next before, and nothing of one that came and went', async () => {
  let refused = '';
  const one = alarm(async (notice) => {
    if (notice.state === refused) throw new Error('not now');
    heard.push({ ...notice });
  });
  const pause = () => stage.queue.pauseRelay('default', 'ann').then(() => one.look());
  const resume = () => stage.queue.resumeRelay('default').then(() => one.look());
  await pause();
  refused = 'over';
  await resume();
  await pause();
  await resume();
  await pause();
  expect(said().filter((each) => String(each).startsWith('relay'))).toEqual(['relay-paused:default raised']);
  refused = '';
  await one.look();
  expect(said().filter((each) => String(each).startsWith('relay'))).toEqual([
    'relay-paused:default raised',
    'relay-paused:default over',
    'relay-paused:default raised',
  ]);
});

test('mail that waits in silence is told of after its time, by the clock', async () => {
  const one = alarm(webhook(url()));
  await stage.submit({});
  await one.look();
  expect(said()).not.toContain('silence raised');
  stage.clock.moveTo(stage.clock.now() + 15 * 60_000);
  await one.look();
  expect(said()).toContain('silence raised');
});

test('a relay that defers all mail is told of, though nothing is due for long, it has no fault, and another one takes mail', async () => {
  await using deferring = await Stage.open({ relay: { script: { rcpt: '451 4.7.1 not now' } } });
  const { clock, log, store } = deferring;
  await store.noteRelay('default', clock.now());
  const overview = new Overview(store, clock);
  const limits = { silence: 15 * 60_000, age: 3_600_000 };
  const one = new Alarm({ overview, clock, log, host: 'mx', limits, tellers: [webhook(url())] });
  for (const subject of ['a', 'b']) await deferring.submit({ subject });
  for (let waited = 0; waited < 16; waited += 2) {
    await deferring.once();
    await store.noteSent('other', clock.now());
    await one.look();
    expect(said()).not.toContain('silence:default raised');
    clock.moveTo(clock.now() + 2 * 60_000);
  }
  await deferring.once();
  await one.look();
  expect(heard.find(({ name }) => name === 'silence:default')).toMatchObject({
    state: 'raised',
    text: expect.stringMatching(/^relay default has taken nothing for 16m, .* 451 4\.7\.1 not now$/),
  });
  deferring.relay.script = {};
  await deferring.queue.retry({ states: ['queued'] });
  await deferring.once();
  expect((await store.relays()).find(({ relay }) => relay === 'default')?.sentAt).toBe(clock.now());
  await one.look();
  expect(said().at(-1)).toBe('silence:default over');
});

test('a command gets the alert on its standard input and in its environment, and no shell reads it', async () => {
  using folder = temporaryFolder();
  const program = join(folder.path, 'alert.sh');
  const out = join(folder.path, 'out');
  writeFileSync(program, `#!/bin/sh\n{ cat; echo; echo "$POSTHASTE_ALERT_TEXT"; } >> '${out}'\n`);
  chmodSync(program, 0o755);
  await stage.queue.pauseRelay('default', '$(touch /tmp/x); `id`');
  await alarm(command(program)).look();
  const text = readFileSync(out, 'utf8');
  expect(text).toContain('relay default is paused by $(touch /tmp/x); `id`\n');
  expect(text).toContain('"name":"relay-paused:default"');
});

test('a command that is not there, or fails, is logged and tried again', async () => {
  const one = alarm(command('/nowhere/alert'), command('/bin/false'));
  await stage.queue.pauseRelay('default', 'ann');
  await one.look();
  await one.look();
  const faults = stage.log.events.filter(
    ({ event, fields }) => event === 'alert could not be told' && fields.alert === 'relay-paused:default',
  );
  expect(faults.length).toBe(4);
});

test('a database that cannot be read twice in a row is an alert, and ends none of the others', async () => {
  const one = alarm(webhook(url()));
  await stage.queue.pauseRelay('default', 'ann');
  await one.look();
  await stage.store.close();
  await one.look();
  expect(said()).not.toContain('store raised');
  await one.look();
  expect(said()).toContain('store raised');
  expect(said()).not.toContain('relay-paused:default over');
});
