import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { documentSettings } from '../../src/config/document.ts';
import { flagOf, settingNames, settingOf, settings, variableOf } from '../../src/config/settings.ts';
import { RELAY_FIELDS, ROUTE_FIELDS, STAGES, WEBHOOK_EVENTS } from '../../src/config/shapes.ts';
import { defaultRetryPolicy } from '../../src/queue/schedule.ts';
import { WEBHOOK_EVENTS as QUEUE_EVENTS } from '../../src/queue/webhook.ts';
import { STAGES as TRANSPORT_STAGES } from '../../src/transport/classify.ts';

test('docs/configuration.md is what the settings say (npm run docs writes it)', () => {
  expect(readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')).toBe(documentSettings());
});

test('names of flags and variables are derived', () => {
  expect(flagOf('maxMessageSize')).toBe('--max-message-size');
  expect(variableOf('maxMessageSize')).toBe('POSTHASTE_MAX_MESSAGE_SIZE');
});

test('every setting says what it is in one sentence', () => {
  for (const name of settingNames) expect(settingOf(name).sentence, name).toMatch(/^[A-Z].*\.$/);
});

test('every default that is computed is told in words', () => {
  for (const name of settingNames) {
    const { standard, standardText } = settingOf(name);
    expect(typeof standard !== 'function' || standardText !== undefined, name).toBe(true);
  }
});

test('every default is a value that its kind allows', () => {
  for (const name of settingNames) {
    const { standard, kind, fileOnly } = settingOf(name);
    if (typeof standard === 'function' || (Array.isArray(standard) && standard.length === 0)) continue;
    const written = fileOnly ? standard : kind.show(standard);
    expect(kind.schema.safeParse(written), name).toEqual({ success: true, data: standard });
  }
});

test('the defaults for trying again are those of the queue', () => {
  expect({
    firstDelay: settings.retryFirstDelay.standard,
    maxDelay: settings.retryMaxDelay.standard,
    maxAge: settings.maxAge.standard,
    maxAttempts: settings.maxAttempts.standard,
    delayReportAfter: settings.delayReportAfter.standard,
  }).toEqual({
    firstDelay: defaultRetryPolicy.firstDelay,
    maxDelay: defaultRetryPolicy.maxDelay,
    maxAge: defaultRetryPolicy.maxAge,
    maxAttempts: defaultRetryPolicy.maxAttempts,
    delayReportAfter: defaultRetryPolicy.delayReportAfter,
  });
});

test('rules know the stages that the transports know', () => {
  expect(STAGES).toEqual(TRANSPORT_STAGES);
});

test('every part of a relay and of a route is told', () => {
  const page = documentSettings();
  for (const name of [...Object.keys(RELAY_FIELDS), ...Object.keys(ROUTE_FIELDS)]) {
    expect(page).toMatch(new RegExp(`^\\| \`${name}\`.* \\| [A-Z].*\\. \\|$`, 'm'));
  }
});

test('webhooks may ask for what the queue tells', () => {
  expect(WEBHOOK_EVENTS).toEqual(QUEUE_EVENTS);
});
