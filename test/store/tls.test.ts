/** Encrypted ways to a database server: who is believed, and that nothing goes unencrypted when encryption was asked for. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDatabase, openStore } from '../../src/store/open.ts';
import { Certificates } from '../relay/certificates.ts';
import { DatabaseServer, isInstalled, PRIVATE_MARIADB, PRIVATE_POSTGRES } from '../support/database-server.ts';
import { temporaryFolder } from '../support/posthaste.ts';
import { installed } from '../support/smtp-sink.ts';
import { put } from './conformance/samples.ts';

const ENCRYPTION = {
  postgres: "SELECT CASE WHEN ssl THEN version ELSE '' END AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
  mysql: "SELECT variable_value AS value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'",
};

const openssl = installed('openssl', 'version');

for (const program of [PRIVATE_POSTGRES, PRIVATE_MARIADB]) {
  const engine = program === PRIVATE_POSTGRES ? 'PostgreSQL' : 'MariaDB';
  const question = program === PRIVATE_POSTGRES ? ENCRYPTION.postgres : ENCRYPTION.mysql;

  describe.skipIf(!openssl || !isInstalled(program))(engine, () => {
    let certificates: Certificates;
    let secure: DatabaseServer;
    let plain: DatabaseServer;
    let folder: ReturnType<typeof temporaryFolder>;

    beforeAll(async () => {
      certificates = new Certificates();
      folder = temporaryFolder();
      writeFileSync(join(folder.path, 'ca.crt'), certificates.ca);
      writeFileSync(join(folder.path, 'other.crt'), certificates.selfSigned('other').cert);
      const tls = certificates.signed('server', '2', 'localhost');
      [secure, plain] = await Promise.all([DatabaseServer.start(program, { tls }), DatabaseServer.start(program)]);
    });

    afterAll(async () => {
      await Promise.all([secure.remove(), plain.remove()]);
      certificates.remove();
      folder[Symbol.dispose]();
    });

    /** The certificate is for `localhost`. */
    function urlOf(server: DatabaseServer, parameters: Readonly<Record<string, string>>, host = 'localhost'): string {
      const url = new URL(server.url);
      url.hostname = host;
      for (const [name, value] of Object.entries(parameters))
        url.searchParams.set(name, name === 'sslrootcert' ? join(folder.path, value) : value);
      return url.href;
    }

    async function encryptionOf(url: string): Promise<string> {
      const { database, close } = await openDatabase(url);
      try {
        return String((await database.query(question, [])).rows[0]?.value);
      } finally {
        await close();
      }
    }

    test('is used encrypted, by a store too, where the certificate comes from the CA that is named', async () => {
      const url = urlOf(secure, { ssl: 'true', sslrootcert: 'ca.crt' });
      expect(await encryptionOf(url)).toMatch(/^TLSv1/);
      const store = await openStore(url);
      await put(store);
      expect(await store.count({})).toBe(1);
      await store.close();
    });

    test.each([
      ['a root alone means that the certificate and its name are checked', { sslrootcert: 'ca.crt' }, 'localhost'],
      ['verify-ca takes any name', { sslmode: 'verify-ca', sslrootcert: 'ca.crt' }, '127.0.0.1'],
      ['require believes everybody', { sslmode: 'require' }, '127.0.0.1'],
    ])('%s', async (_, parameters, host) => {
      expect(await encryptionOf(urlOf(secure, parameters, host))).toMatch(/^TLSv1/);
    });

    test.each([
      ['a certificate of another CA', { ssl: 'true', sslrootcert: 'other.crt' }, 'localhost'],
      ['a certificate of a CA that the system does not know', { ssl: 'true' }, 'localhost'],
      ['another CA under require', { sslmode: 'require', sslrootcert: 'other.crt' }, 'localhost'],
      // Which the system reads as 127.0.0.1.
      ['another name', { ssl: 'true', sslrootcert: 'ca.crt' }, '127.1'],
    ])('%s is refused, with what to do', async (_, parameters, host) => {
      await expect(encryptionOf(urlOf(secure, parameters, host))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/certificate.*sslrootcert/is),
      });
    });

    test('an address that is in no certificate is refused', async () => {
      const refused = encryptionOf(urlOf(secure, { ssl: 'true', sslrootcert: 'ca.crt' }, '127.0.0.1'));
      await expect(refused).rejects.toThrow(/does not match certificate|mysql2 can check no certificate/);
    });

    test('a server without encryption gets no login from who asked for it', async () => {
      await expect(encryptionOf(urlOf(plain, { sslmode: 'require' }))).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringMatching(/does not support (SSL|secure connection)/),
      });
    });
  });
}
