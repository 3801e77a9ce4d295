import { expect, test } from 'vitest';
import { dsnFault, type Envelope, isNotify } from './envelope.ts';

test.each([['never'], ['success'], ['failure', 'delay'], ['success', 'failure', 'delay']])(
  '%s may be wished',
  (...words) => expect(isNotify(words)).toBe(true),
);

test.each([[[]], [['']], [['x']], [['NEVER']], [['never', 'success']], [['never\r\nDATA']], [Array(4).fill('delay')]])(
  '%j is no wish',
  (words) => expect(isNotify(words as string[])).toBe(false),
);

const envelope = (wishes: object, ofRecipient: object = {}): Envelope => ({
  sender: null,
  recipients: [{ address: 'a@x.example' }, { address: 'b@x.example', ...ofRecipient }],
  smtputf8: false,
  ...wishes,
});

test('parameters that may stand in a command have no fault', () => {
  expect(dsnFault(envelope({}))).toBeUndefined();
  const ofRecipient = { notify: ['never'], originalRecipient: 'rfc822;a+2Bb@x.example' };
  expect(dsnFault(envelope({ ret: 'hdrs', envelopeId: 'QQ+3D1' }, ofRecipient))).toBeUndefined();
  expect(dsnFault(envelope({}, { originalRecipient: 'utf-8;jürgen@x.example' }))).toBeUndefined();
});

test.each<[Envelope, RegExp]>([
  [envelope({ ret: 'x' }), /^ret is "x": give full or hdrs/],
  [envelope({ envelopeId: '' }), /^envelopeId is ""/],
  [envelope({ envelopeId: 'a=b' }), /^envelopeId is/],
  [envelope({ envelopeId: 'a'.repeat(101) }), /^envelopeId is/],
  [envelope({}, { notify: ['x\r\nDATA'] }), /^notify is \["x\\r\\nDATA"\]/],
  [envelope({}, { originalRecipient: 'a@x.example' }), /^originalRecipient is/],
  [envelope({}, { originalRecipient: 'rfc822;a\r\n' }), /^originalRecipient is/],
])('%j has one, which says what is allowed', (given, words) => expect(dsnFault(given)).toMatch(words));
