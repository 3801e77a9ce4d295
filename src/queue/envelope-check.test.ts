import { expect, test } from 'vitest';
import { checkEnvelope } from './envelope-check.ts';

const recipients = [{ address: 'b@x.example' }];

test('an envelope that can travel passes, with a sender and without', () => {
  checkEnvelope({ sender: 'a@x.example', recipients, smtputf8: false });
  checkEnvelope({ sender: null, recipients, smtputf8: false });
});

test.each([
  ['NO_RECIPIENTS', { sender: null, recipients: [] }],
  ['ADDRESS_INVALID', { sender: 'a@x.example> SIZE=1', recipients }],
  ['ADDRESS_INVALID', { sender: null, recipients: [...recipients, { address: 'b@x.example\r\nDATA' }] }],
  ['OPTION_INVALID', { sender: null, recipients: [{ ...recipients[0], notify: ['failed'] }] }],
  ['OPTION_INVALID', { sender: null, recipients, ret: 'x' }],
])('%s is thrown for %j', (code, envelope) => {
  expect(() => checkEnvelope({ smtputf8: false, ...envelope } as never)).toThrow(expect.objectContaining({ code }));
});
