/** Traces by the SDK of OpenTelemetry: from the span in which mail is submitted to the attempt that sends it, wherever that is made. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { context, type SpanContext, SpanKind, SpanStatusCode, type TraceState, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AlwaysOffSampler,
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type MailQueue, openQueue, type QueueSettings } from '../../src/index.ts';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { run, temporaryFolder } from '../support/posthaste.ts';

const mail = { from: 'ann@example.com', to: 'bob@example.org', subject: 'secret subject', text: 'one\n' };
const SOURCE = new URL('../../src/index.ts', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const tracer = provider.getTracer('application');

let folder: ReturnType<typeof temporaryFolder>;
let relay: ScriptedRelay;
const opened: MailQueue[] = [];

async function open(settings: QueueSettings = {}): Promise<MailQueue> {
  const queue = await openQueue({ dataDir: folder.path, relay: `smtp://127.0.0.1:${relay.port}`, ...settings });
  opened.push(queue);
  return queue;
}

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
});

afterAll(async () => {
  trace.disable();
  context.disable();
  await provider.shutdown();
});

beforeEach(async () => {
  folder = temporaryFolder();
  relay = await startRelay();
  exporter.reset();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((queue) => queue.close()));
  await relay.close();
  folder[Symbol.dispose]();
});

/** Runs `work` in a span as an application has one; answers with the span's id and trace. */
function within<T>(name: string, work: () => Promise<T>): Promise<[T, SpanContext]> {
  return tracer.startActiveSpan(name, async (span): Promise<[T, SpanContext]> => {
    const result = await work();
    span.end();
    return [result, span.spanContext()];
  });
}

const spans = (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name);
const only = (name: string): ReadableSpan => {
  expect(spans(name)).toHaveLength(1);
  return spans(name)[0] as ReadableSpan;
};
const parentOf = (span: ReadableSpan): unknown => span.parentSpanContext?.spanId;

describe('with a tracer provider', () => {
  test('one trace leads from the caller over a deferral to sent, in queues that never met', async () => {
    relay.script = { rcpt: ['451 4.3.0 <bob@example.org> later'] };
    const queue = await open();
    const [info, caller] = await within('request', () => queue.submit(mail));
    await queue.close();
    const second = await open();
    expect(await second.workOnce()).toMatchObject({ deferred: 1 });
    await second.retry(info.id);
    await second.close();
    expect(await (await open()).workOnce()).toMatchObject({ sent: 1 });

    const submit = only('submit mail');
    expect(submit.kind).toBe(SpanKind.PRODUCER);
    expect([submit.spanContext().traceId, parentOf(submit)]).toEqual([caller.traceId, caller.spanId]);
    expect(submit.attributes).toEqual({
      'messaging.system': 'posthaste',
      'messaging.destination.name': 'mail',
      'messaging.operation.name': 'submit',
      'messaging.operation.type': 'send',
      'messaging.message.id': info.id,
      'messaging.message.body.size': expect.any(Number),
      'posthaste.origin': 'library',
      'posthaste.recipients': 1,
      'posthaste.duplicate': false,
    });
    const attempts = spans('deliver mail');
    expect(attempts.map((span) => [span.kind, span.spanContext().traceId, parentOf(span)])).toEqual(
      Array(2).fill([SpanKind.CONSUMER, caller.traceId, submit.spanContext().spanId]),
    );
    const common = {
      'messaging.system': 'posthaste',
      'messaging.destination.name': 'mail',
      'messaging.operation.name': 'deliver',
      'messaging.operation.type': 'process',
      'messaging.message.id': info.id,
      'messaging.message.body.size': submit.attributes['messaging.message.body.size'],
      'posthaste.relay': 'default',
      'posthaste.recipients': 1,
    };
    expect(attempts.map(({ attributes }) => attributes)).toEqual([
      {
        ...common,
        'posthaste.attempt': 1,
        'posthaste.outcome': 'deferred',
        'posthaste.recipients.sent': 0,
        'posthaste.reply.code': 451,
        'posthaste.reply.status': '4.3.0',
        'error.type': '451',
      },
      {
        ...common,
        'posthaste.attempt': 2,
        'posthaste.outcome': 'sent',
        'posthaste.recipients.sent': 1,
        'posthaste.reply.code': 250,
        'posthaste.reply.status': '2.0.0',
      },
    ]);
    expect(attempts.map(({ status }) => status)).toEqual([
      { code: SpanStatusCode.ERROR },
      { code: SpanStatusCode.UNSET },
    ]);
  });

  test('nothing in a span names a person or quotes the mail, also when it bounces', async () => {
    relay.script = { rcpt: ['550 5.1.1 <bob@example.org> unknown'] };
    const queue = await open();
    await queue.submit({ ...mail, to: ['bob@example.org', 'cy@example.org'] });
    await queue.workOnce();
    const bounced = spans('deliver mail')[0];
    expect(bounced?.attributes).toMatchObject({
      'posthaste.outcome': 'bounced',
      'posthaste.recipients': 2,
      'posthaste.recipients.sent': 1,
      'error.type': '550',
    });
    const told = exporter
      .getFinishedSpans()
      .map(({ name, attributes, events, status }) => [name, attributes, events, status]);
    expect(JSON.stringify(told)).not.toMatch(/@|secret|unknown/);
  });

  test('the report on a message is delivered in the trace of that message', async () => {
    relay.script = { rcpt: ['550 5.1.1 no such user'] };
    const queue = await open();
    const [, caller] = await within('request', () => queue.submit(mail));
    await queue.workOnce();
    await queue.workOnce();
    const attempts = spans('deliver mail');
    expect(attempts.map((span) => span.attributes['posthaste.outcome'])).toEqual(['bounced', 'sent']);
    expect(attempts.map((span) => span.spanContext().traceId)).toEqual([caller.traceId, caller.traceId]);
  });

  test('messages that are kept and handed over together keep to their own traces', async () => {
    const queue = await open();
    await queue.work();
    const made = await Promise.all(
      Array.from({ length: 5 }, (_, i) => within(`request ${i}`, () => queue.submit(mail))),
    );
    await Promise.all(made.map(([info]) => queue.waitFor(info.id)));
    await queue.close();
    const idsIn = (name: string): unknown[][] =>
      spans(name)
        .map((span) => [span.attributes['messaging.message.id'], span.spanContext().traceId])
        .toSorted();
    const expected = made.map(([info, { traceId }]) => [info.id, traceId]).toSorted();
    expect(idsIn('submit mail')).toEqual(expected);
    expect(idsIn('deliver mail')).toEqual(expected);
  });

  test("mail in an application's own transaction, submitted or prepared, is traced alike", async () => {
    const database = join(folder.path, 'application.db');
    const queue = await open({ database });
    using db = new DatabaseSync(database);
    const [, caller] = await within('request', async () => {
      const prepared = await queue.prepare(mail);
      db.exec('BEGIN IMMEDIATE');
      await queue.submit(mail, { transaction: db });
      prepared.submitSync(db);
      db.exec('COMMIT');
    });
    expect(await (await open({ database })).workOnce()).toMatchObject({ sent: 2 });
    const of = (name: string): unknown[] => spans(name).map((span) => span.spanContext().traceId);
    expect([of('submit mail'), of('deliver mail')]).toEqual([
      Array(2).fill(caller.traceId),
      Array(2).fill(caller.traceId),
    ]);
  });

  test('mail that nobody traced begins a trace with its attempt', async () => {
    const script = `import { openQueue } from ${JSON.stringify(SOURCE)};
      const queue = await openQueue({ dataDir: ${JSON.stringify(folder.path)} });
      await queue.submit(${JSON.stringify(mail)});
      await queue.close();`;
    await program(script);
    await within('other', async () => (await open()).workOnce());
    expect(parentOf(only('deliver mail'))).toBeUndefined();
  });

  test('what its sampler leaves out stays out in every process, and the state of the trace goes along', async () => {
    const queue = await open();
    const off = new BasicTracerProvider({ sampler: new AlwaysOffSampler() }).getTracer('application');
    const [one, [two]] = await off.startActiveSpan('unsampled', () =>
      Promise.all([queue.submit(mail), within('below', () => queue.submit(mail))]),
    );
    const state = { serialize: () => 'vendor=1' } as TraceState;
    const remote = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, traceState: state };
    const third = await context.with(trace.setSpanContext(context.active(), remote), () => queue.submit(mail));
    expect(await queue.workOnce()).toMatchObject({ sent: 3 });
    expect((await queue.get(one.id))?.message.trace?.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect((await queue.get(two.id))?.message.trace?.traceparent).toMatch(/-00$/);
    expect((await queue.get(third.id))?.message.trace).toMatchObject({ tracestate: 'vendor=1' });
    const [submit, attempt] = [only('submit mail'), only('deliver mail')];
    expect([submit, attempt].map((span) => span.spanContext().traceId)).toEqual(Array(2).fill(remote.traceId));
    expect(attempt.parentSpanContext?.traceState?.serialize()).toBe('vendor=1');
  });

  test('a second submission under a key is traced as the first message', async () => {
    const queue = await open();
    const { id } = await queue.submit(mail, { key: 'order-1' });
    expect(await queue.submit(mail, { key: 'order-1' })).toMatchObject({ id, duplicate: true });
    const of = (span: ReadableSpan): unknown[] => [
      span.attributes['messaging.message.id'],
      span.attributes['posthaste.duplicate'],
    ];
    expect(spans('submit mail').map(of)).toEqual([
      [id, false],
      [id, true],
    ]);
  });

  test('a submission that fails has the code of its error, and no words', async () => {
    const queue = await open({ database: join(folder.path, 'application.db') });
    using elsewhere = new DatabaseSync(join(folder.path, 'other.db'));
    elsewhere.exec('BEGIN');
    await expect(queue.submit(mail, { transaction: elsewhere })).rejects.toMatchObject({
      code: 'TRANSACTION_ELSEWHERE',
    });
    const { attributes, status, events } = only('submit mail');
    expect([attributes['error.type'], status, events]).toEqual([
      'TRANSACTION_ELSEWHERE',
      { code: SpanStatusCode.ERROR },
      [],
    ]);
  });
});

/** What a program of its own prints. */
async function program(text: string): Promise<string> {
  const file = join(folder.path, 'program.mjs');
  writeFileSync(file, text);
  const ran = await run(process.execPath, [file], { cwd: ROOT });
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  return ran.stdout;
}

describe('a program', () => {
  const using = (before: string): string => `
    import { registerHooks } from 'node:module';
    const asked = [];
    registerHooks({
      resolve(specifier, context, next) {
        if (/opentelemetry/.test(specifier) && !/node_modules|program/.test(context.parentURL)) asked.push(specifier);
        return next(specifier, context);
      },
    });
    ${before}
    const { openQueue } = await import(${JSON.stringify(SOURCE)});
    const queue = await openQueue({ dataDir: ${JSON.stringify(folder.path)} });
    const infos = [await queue.submit(${JSON.stringify(mail)}), await queue.submit(${JSON.stringify(mail)})];
    await queue.workOnce();
    const found = await Promise.all(infos.map(({ id }) => queue.get(id)));
    await queue.close();
    console.log(JSON.stringify({ asked, traced: found.map(({ message }) => message.trace !== null) }));`;

  test('without a tracer provider loads nothing of OpenTelemetry, and nothing is kept of traces', async () => {
    expect(JSON.parse(await program(using('')))).toEqual({ asked: [], traced: [false, false] });
  });

  test('with one of an older API, which the one at hand cannot see, says so and goes on', async () => {
    const text = `
      globalThis[Symbol.for('opentelemetry.js.api.1')] = { version: '1.0.0', trace: {} };
      const { openQueue } = await import(${JSON.stringify(SOURCE)});
      const quiet = () => {};
      const log = { debug: quiet, info: quiet, error: quiet, warn: (fields, event) => console.log(event, fields.err.message) };
      const queue = await openQueue({ dataDir: ${JSON.stringify(folder.path)}, relay: 'smtp://127.0.0.1:1', log });
      await queue.submit(${JSON.stringify(mail)});
      await queue.close();`;
    expect(await program(text)).toMatch(
      /^nothing is traced: install the same .* registered with an older version of .*\n$/,
    );
  });

  test('with one loads its API once', async () => {
    const [api, sdk] = ['@opentelemetry/api', '@opentelemetry/sdk-trace-base'].map((name) => import.meta.resolve(name));
    const register = `
      const { trace } = (await import(${JSON.stringify(api)}));
      const { BasicTracerProvider } = (await import(${JSON.stringify(sdk)}));
      trace.setGlobalTracerProvider(new BasicTracerProvider());`;
    expect(JSON.parse(await program(using(register)))).toEqual({
      asked: ['../runtime/opentelemetry.ts', '@opentelemetry/api'],
      traced: [true, true],
    });
  });
});
