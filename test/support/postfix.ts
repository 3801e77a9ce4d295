/** A private Postfix that takes mail only after a login, which a private Dovecot checks; it hands on to a relay of the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { postfixFault, writePostfix } from '../../bench/postfix.ts';
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
  /** Where each mechanism is offered alone, so that no other can be the one that worked. */
  readonly ports: ReadonlyMap<string, number>;
  readonly #folder: { path: string } & Disposable;
  readonly #postfix: ChildProcess;
  readonly #dovecot: ChildProcess;

  private constructor(
    ports: ReadonlyMap<string, number>,
    folder: { path: string } & Disposable,
    postfix: ChildProcess,
    dovecot: ChildProcess,
  ) {
    this.ports = ports;
    this.#folder = folder;
    this.#postfix = postfix;
    this.#dovecot = dovecot;
  }

  /** `introspection`: where Dovecot asks about access tokens (RFC 7662). */
  static async start(
    mechanisms: readonly string[],
    certificate: Certificate,
    relayPort: number,
    introspection?: string,
  ): Promise<LoginServer> {
    const folder = temporaryFolder();
    const port = await freePort();
    const ports = new Map<string, number>();
    for (const mechanism of mechanisms) ports.set(mechanism, await freePort());
    writeFileSync(join(folder.path, 'key.pem'), certificate.key, { mode: 0o600 });
    writeFileSync(join(folder.path, 'cert.pem'), certificate.cert);
    writePostfix(folder.path, port, mainCf(folder.path, relayPort));
    appendFileSync(join(folder.path, 'config/master.cf'), listeners(ports));
    const dovecot = await startDovecot(folder.path, mechanisms, introspection);
    const args = ['-c', join(folder.path, 'config'), 'start-fg'];
    const postfix = spawn(which('postfix') ?? 'postfix', args, { stdio: 'ignore' });
    // A test that fails before its end leaves nothing running.
    process.once('exit', () => {
      killTree(postfix);
      killTree(dovecot);
    });
    await listening(port, postfix);
    return new LoginServer(ports, folder, postfix, dovecot);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const family = [this.#postfix, this.#dovecot].flatMap(({ pid }) => tree(pid ?? 0));
    // They take seconds to end in order, and nothing of theirs is needed any more.
    for (const child of [this.#postfix, this.#dovecot]) killTree(child);
    await untilGone(family);
    this.#folder[Symbol.dispose]();
  }
}

function listeners(ports: ReadonlyMap<string, number>): string {
  const service = ([mechanism, port]: readonly [string, number]): string =>
    `127.0.0.1:${port} inet n - n - - smtpd\n  -o smtpd_sasl_mechanism_filter=${mechanism}\n`;
  return [...ports].map(service).join('');
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
# Who says a wrong password is not made to wait.
smtpd_error_sleep_time = 0
`;
}

/** Resolves when its log says that it runs: its sockets are there then. */
async function startDovecot(
  folder: string,
  mechanisms: readonly string[],
  introspection: string | undefined,
): Promise<ChildProcess> {
  for (const name of ['run', 'state']) mkdirSync(join(folder, name), { mode: 0o755 });
  writeFileSync(join(folder, 'users'), `${USER}:{PLAIN}${PASSWORD}\n`, { mode: 0o644 });
  if (introspection !== undefined) writeFileSync(join(folder, 'oauth.conf'), oauthConf(introspection));
  const passdb = introspection === undefined ? passwords(folder) : tokens(folder);
  writeFileSync(join(folder, 'dovecot.conf'), dovecotConf(folder, mechanisms, passdb));
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

const passwords = (folder: string): string => `driver = passwd-file
  args = ${folder}/users`;

const tokens = (folder: string): string => `driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/oauth.conf`;

function oauthConf(introspection: string): string {
  return `introspection_url = ${introspection}
introspection_mode = post
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
`;
}

function dovecotConf(folder: string, mechanisms: readonly string[], passdb: string): string {
  return `base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
protocols = none
ssl = no
auth_mechanisms = ${mechanisms.join(' ').toLowerCase()}
auth_failure_delay = 0
passdb {
  ${passdb}
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}
# Else who has said wrong passwords waits longer each time, with the right one too.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener ${folder}/auth {
    mode = 0666
  }
}
`;
}
