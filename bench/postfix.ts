/** Postfix as a contender: a private instance in a temporary folder, tuned for this load; the machine's own is never touched. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type Running, type Setting, START_MS } from './contender.ts';
import { runToEnd, start, tree, untilGone, which } from './processes.ts';
import { freePort, untilReady } from './smtp.ts';

/** Why Postfix cannot take part; undefined when it can. */
export function postfixFault(): string | undefined {
  if (which('postfix') === undefined) return 'Postfix is not installed (Debian: apt-get install postfix)';
  if (process.getuid?.() !== 0) return 'a private Postfix instance needs root';
  return undefined;
}

export const postfix: Contender = {
  name: 'postfix',
  version: () => `Postfix ${runToEnd(program('postconf'), ['-d', '-h', 'mail_version']).trim()}`,
  async start(setting) {
    const port = await freePort();
    writeInstance(setting, port);
    return run(setting, port);
  },
};

async function run(setting: Setting, port: number): Promise<Running> {
  const config = join(setting.folder, 'config');
  const child = start(program('postfix'), ['-c', config, 'start-fg'], { stdio: 'ignore' });
  await untilReady(port, START_MS);
  return {
    port,
    pid: child.pid ?? 0,
    stop: () => stopPostfix(setting, child),
    async restartOpen() {
      await stopPostfix(setting, child);
      runToEnd(program('postconf'), ['-c', config, '-e', 'smtpd_client_restrictions=']);
      runToEnd(program('postsuper'), ['-c', config, '-H', 'ALL']);
      const running = await run({ ...setting, held: false }, port);
      runToEnd(program('postqueue'), ['-c', config, '-f']);
      return running;
    },
  };
}

/** SIGTERM to the master, which ends its processes; `postfix stop` would do the same and then sleep for whole seconds. */
export async function stopPostfix({ folder }: Pick<Setting, 'folder'>, child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const family = tree(child.pid ?? 0);
  const gone = once(child, 'exit');
  process.kill(Number(readFileSync(join(folder, 'queue/pid/master.pid'), 'utf8')), 'SIGTERM');
  await gone;
  await untilGone(family);
}

function program(name: string): string {
  const path = which(name);
  if (path === undefined) throw new Error(`${name} is not installed`);
  return path;
}

function writeInstance(setting: Setting, port: number): void {
  writePostfix(setting.folder, port, mainCf(setting));
}

/** The folders and files of an instance; `start-fg` with its `config` runs it. */
export function writePostfix(folder: string, port: number, settings: string): void {
  const at = (name: string): string => join(folder, name);
  // Postfix's processes drop to their own user and must get through to their folders.
  chmodSync(folder, 0o755);
  for (const name of ['config', 'queue', 'data']) mkdirSync(at(name), { recursive: true });
  runToEnd(program('chown'), ['postfix', at('data')]);
  writeFileSync(at('config/main.cf'), basics(folder) + settings);
  writeFileSync(at('config/master.cf'), masterCf(port));
}

/** Where an instance lives and who it is. */
function basics(folder: string): string {
  const daemons = runToEnd(program('postconf'), ['-d', '-h', 'daemon_directory']).trim();
  return `compatibility_level = 3.6
queue_directory = ${folder}/queue
data_directory = ${folder}/data
daemon_directory = ${daemons}
mail_owner = postfix
setgid_group = postdrop
myhostname = bench.example
mydestination =
alias_maps =
alias_database =
inet_interfaces = loopback-only
inet_protocols = ipv4
# Nothing here needs DNS.
disable_dns_lookups = yes
smtpd_peername_lookup = no
`;
}

/** Sane for production, and where two sane values exist, the faster one. */
function mainCf({ relayPort, held }: Setting): string {
  return `mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
relayhost = [127.0.0.1]:${relayPort}
# 100 sessions at once need more than the defaults allow.
default_process_limit = 250
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
# Do not slow input down while delivery lags (default 1s).
in_flow_delay = 0
# Start with the full number of connections to the relay instead of 5, and keep them for reuse.
initial_destination_concurrency = 20
default_destination_concurrency_limit = 20
smtp_connection_cache_destinations = [127.0.0.1]:${relayPort}
# The whole load fits into the active queue.
qmgr_message_active_limit = 100000
qmgr_message_recipient_limit = 100000
smtpd_tls_security_level = none
smtp_tls_security_level = none
smtpd_client_restrictions = ${held ? 'check_client_access static:HOLD' : ''}
`;
}

/** Debian's services that take part, none in a chroot, and one listener on a port of its own. */
function masterCf(port: number): string {
  const services = `
127.0.0.1:${port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
`;
  return services.trimStart();
}
