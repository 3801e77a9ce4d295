/** What a message wishes of reports: at a relay the queue says the same as Nodemailer's own transport would. */
import { createTransport } from 'nodemailer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Mail } from '../../src/index.ts';
import { openTestQueue, startRelay } from '../../src/testing/index.ts';

let theirs: Awaited<ReturnType<typeof startRelay>>;
let ours: Awaited<ReturnType<typeof startRelay>>;
beforeAll(async () => {
  [theirs, ours] = await Promise.all([startRelay(), startRelay()]);
});
afterAll(() => Promise.all([theirs.close(), ours.close()]));

const mail = { from: 'a@example.org', to: ['b@example.org', 'c@example.org'], subject: 's', text: 'x' };
const envelope = { from: 'bounces@example.org', to: 'b@example.org' };
const everything = { id: 'order 7+8=ä', return: 'headers', notify: 'success, failure', recipient: 'ann+x@example.com' };

// biome-ignore lint/suspicious/noExplicitAny: types do not know all that Nodemailer takes.
const wishes: Readonly<Record<string, any>> = {
  'all of them': { dsn: everything },
  none: { dsn: { id: '', return: null, notify: '', recipient: undefined } },
  'an empty list': { dsn: { notify: [] } },
  'by their other names': { dsn: { envid: 'e1', ret: 'BODY', notify: ['NEVER'], orcpt: 'rfc822;ann@example.com' } },
  'by both names': {
    dsn: { envid: 'e1', id: 'e2', ret: 'hdrs', return: 'full', recipient: 'r@x.org', orcpt: 'o@x.org' },
  },
  'an id that is a number': { dsn: { id: 5 } },
  'an original recipient beyond ASCII': { dsn: { recipient: 'jürgen@example.com' } },
  'those of the envelope': { envelope: { ...envelope, dsn: everything } },
  'those of the message before those of the envelope': {
    envelope: { ...envelope, dsn: everything },
    dsn: { id: 'e1' },
  },
};

/** The envelope's commands but for what has nothing to do with reports. */
const said = (relay: typeof ours): string[] =>
  relay.connections
    .flatMap(({ commands }) => commands)
    .filter((command) => /^(?:MAIL|RCPT)/.test(command))
    .map((command) => command.replace(/ (?:SIZE=\d+|BODY=8BITMIME)/g, ''));

describe('a message wishes', () => {
  test.each(Object.entries(wishes))('%s', async (_, wish) => {
    const [before, ourBefore] = [said(theirs).length, said(ours).length];
    const smtp = createTransport({ host: theirs.host, port: theirs.port, ignoreTLS: true });
    await smtp.sendMail({ ...mail, ...wish } as Mail);
    await using queue = await openTestQueue({ relay: `smtp://${ours.host}:${ours.port}?tls=none` });
    const { id } = await queue.submit({ ...mail, ...wish } as Mail);
    await queue.work();
    await queue.waitFor(id);
    const wanted = said(theirs).slice(before);
    expect(wanted.length).toBeGreaterThan(1);
    expect(said(ours).slice(ourBefore)).toEqual(wanted);
  });
});
