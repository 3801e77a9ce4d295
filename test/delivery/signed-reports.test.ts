/** Reports are signed like accepted mail: dkimpy, which shares no code with us, verifies them. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { openSigner, type Signer } from '../../src/submission/dkim.ts';
import { Stage } from '../support/delivery.ts';
import { run } from '../support/posthaste.ts';

const VERIFY = `
import dkim, sys
record = sys.argv[2].encode()
found = lambda name, timeout=5: record if name.decode() == sys.argv[1] else None
print(dkim.DKIM(sys.stdin.buffer.read(), minkey=1024).verify(0, dnsfunc=found))
`;
const PYTHON = '/usr/bin/python3';
const hasDkimpy = (await run(PYTHON, ['-c', 'import dkim']).catch(() => ({ code: 1 }))).code === 0;
if (!hasDkimpy && process.env.CI === 'true') throw new Error('dkimpy is not installed, and CI must run its tests');

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const record = `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`;
const signerFor = (domain: string): Signer => {
  const value = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return openSigner([{ domain, selector: 's1', key: { value } }]) as Signer;
};
const relay = { script: { rcpt: '550 5.1.1 no such user' } } as const;

async function reportOf(stage: Stage): Promise<string> {
  const id = await stage.submit({ content: 'From: a@example.org\r\nSubject: Gr\u00fc\u00dfe\r\n\r\nb\u00f6dy\r\n' });
  await stage.once();
  const [report = ''] = await stage.reports(id);
  return report;
}

describe('a report', () => {
  test.skipIf(!hasDkimpy)('has a signature of the domain of its From, or of the one above it', async () => {
    for (const domain of ['queue.example.org', 'example.org']) {
      await using stage = await Stage.open({ relay, sign: signerFor(domain).sign });
      const report = await reportOf(stage);
      expect(report).toMatch(/^DKIM-Signature: /);
      const verified = await run(PYTHON, ['-c', VERIFY, `s1._domainkey.${domain}.`, record], { input: report });
      expect(verified).toMatchObject({ stderr: '', stdout: 'True\n' });
      const { rows } = await stage.store.find({ sender: '<>' }, { limit: 1 });
      expect(rows[0]?.size).toBe(Buffer.byteLength(report));
    }
  });

  test('has none where no key fits', async () => {
    await using stage = await Stage.open({ relay, sign: signerFor('example.net').sign });
    expect(await reportOf(stage)).toMatch(/^Date: /);
  });

  test('that cannot be signed goes out without a signature', async () => {
    const sign = (): Promise<Uint8Array> => Promise.reject(new Error('no entropy'));
    await using stage = await Stage.open({ relay, sign });
    expect(await reportOf(stage)).toMatch(/^Date: /);
    expect(stage.log.count('a report could not be signed')).toBe(1);
  });
});
