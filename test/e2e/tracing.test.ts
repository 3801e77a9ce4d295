/** The program with a tracer provider that is loaded before it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTransport } from 'nodemailer';
import { expect, test } from 'vitest';
import { startRelay } from '../relay/scripted.ts';
import { type LogLine, posthaste, serve, temporaryFolder } from '../support/posthaste.ts';

const [API, SDK] = ['@opentelemetry/api', '@opentelemetry/sdk-trace-base'].map((name) => import.meta.resolve(name));

/** Prints each span as a line of the log. */
const REGISTER = `
  import { isMainThread } from 'node:worker_threads';
  import { trace } from ${JSON.stringify(API)};
  import { BasicTracerProvider, SimpleSpanProcessor } from ${JSON.stringify(SDK)};
  const lineOf = ({ name, attributes, parentSpanContext }, { traceId, spanId }) =>
    JSON.stringify({ msg: 'span', name, id: attributes['messaging.message.id'], traceId, spanId, parent: parentSpanContext?.spanId });
  const exporter = {
    export: (spans, done) => {
      for (const span of spans) console.log(lineOf(span, span.spanContext()));
      done({ code: 0 });
    },
    shutdown: async () => {},
  };
  if (isMainThread)
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
`;

const spanOf =
  (name: string) =>
  (line: LogLine): boolean =>
    line.msg === 'span' && line.name === name;

test('posthaste serve traces what it takes by SMTP, and delivers what others took', async () => {
  using data = temporaryFolder();
  const relay = await startRelay();
  const file = join(data.path, 'tracing.mjs');
  writeFileSync(file, REGISTER);
  const server = serve({
    dataDir: data.path,
    relay: `smtp://127.0.0.1:${relay.port}`,
    environment: { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` },
  });
  const { port } = await server.ready();
  const mail = { from: 'a@example.com', to: 'b@example.org', text: 'x' };
  // A field of the message is anybody's to write: no trace is begun by it.
  const headers = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
  await createTransport({ host: '127.0.0.1', port }).sendMail({ ...mail, headers });
  const submit = await server.line(spanOf('submit mail'));
  const deliver = await server.line(spanOf('deliver mail'));
  expect(submit.parent).toBeUndefined();
  expect(submit.traceId).not.toBe('a'.repeat(32));
  expect(deliver).toMatchObject({ id: submit.id, traceId: submit.traceId, parent: submit.spanId });

  const sent = await posthaste(data.path, 'send', '--from', mail.from, '--to', mail.to, '--text', 'y');
  expect(sent.code).toBe(0);
  const [, other] = await server.atLeast(2, spanOf('deliver mail'));
  expect(other?.parent).toBeUndefined();
  expect(other?.traceId).not.toBe(submit.traceId);
  expect(await server.stop()).toBe(0);
  await relay.close();
});
