/** A private Postfix that takes mail only after a login, which a private Dovecot checks; it hands on to a relay of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { postfixFault, stopPostfix, writePostfix } from '../../bench/postfix.ts';
import { killTree, tree, untilGone, which } from '../../bench/processes.ts';
import type { Certificate } from '../relay/certificates.ts';
import { temporaryFolder } from './posthaste.ts';
import { freePort, listening } from './smtp-sink.ts';

export const USER = 'app';
export const PASSWORD = 'correct horse';

/** Why there can be no such server; undefined when there can. */
export function loginServerFault(): string | undefined {
  if (which('dovecot') === undefined) return 'Dovecot is not installed (Debian: apt-get install dovecot-core)';
  return postfixFault();
}

export class LoginServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: { path: string } & Disposable;
  readonly #postfix: ChildProcess;
  readonly #dovecot: ChildProcess;

  private constructor(
    port: number,
    folder: { path: string } & Disposable,
    postfix: ChildProcess,
    dovecot: ChildProcess,
  ) {
    this.port = port;
    this.#folder = folder;
    this.#postfix = postfix;
    this.#dovecot = dovecot;
  }

  /** Offers this mechanism alone, so that no other can be the one that worked. */
  static async start(mechanism: string, certificate: Certificate, relayPort: number): Promise<LoginServer> {
    const folder = temporaryFolder();
    const port = await freePort();
    writeFileSync(join(folder.path, 'key.pem'), certificate.key, { mode: 0o600 });
    writeFileSync(join(folder.path, 'cert.pem'), certificate.cert);
    writePostfix(folder.path, port, mainCf(folder.path, relayPort));
    const dovecot = await startDovecot(folder.path, mechanism);
    const args = ['-c', join(folder.path, 'config'), 'start-fg'];
    const postfix = spawn(which('postfix') ?? 'postfix', args, { stdio: 'ignore' });
    // A test that fails before its end leaves nothing running.
    process.once('exit', () => {
      killTree(postfix);
      killTree(dovecot);
    });
    await listening(port, postfix);
    return new LoginServer(port, folder, postfix, dovecot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const family = tree(this.#dovecot.pid ?? 0);
    await stopPostfix({ folder: this.#folder.path }, this.#postfix);
    this.#dovecot.kill('SIGTERM');
    if (this.#dovecot.exitCode === null) await once(this.#dovecot, 'exit');
    await untilGone(family);
    this.#folder[Symbol.dispose]();
  }
}

function mainCf(folder: string, relayPort: number): string {
  return `smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = ${folder}/auth
smtpd_sasl_security_options = noanonymous
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_chain_files = ${folder}/key.pem, ${folder}/cert.pem
smtpd_relay_restrictions = permit_sasl_authenticated, reject
relayhost = [127.0.0.1]:${relayPort}
smtp_tls_security_level = none
`;
}

/** Resolves when its log says that it runs: its sockets are there then. */
async function startDovecot(folder: string, mechanism: string): Promise<ChildProcess> {
  for (const name of ['run', 'state']) mkdirSync(join(folder, name), { mode: 0o755 });
  writeFileSync(join(folder, 'users'), `${USER}:{PLAIN}${PASSWORD}\n`, { mode: 0o644 });
  writeFileSync(join(folder, 'dovecot.conf'), dovecotConf(folder, mechanism));
  const args = ['-F', '-c', join(folder, 'dovecot.conf')];
  const child = spawn(which('dovecot') ?? 'dovecot', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('starting up')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`dovecot ended with ${code}: ${said}`)));
  });
  return child;
}

function dovecotConf(folder: string, mechanism: string): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = none
ssl = no
auth_mechanisms = ${mechanism.toLowerCase()}
passdb {
  driver = passwd-file
  args = ${folder}/users
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
service auth {
  unix_listener ${folder}/auth {
    mode = 0666
  }
}
`;
}
