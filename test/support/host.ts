/** Hosts of a test's own: network namespaces with links to this machine that can be cut and mended.
 * Each link is seen by all that runs here, and a browser that sees one come breaks off its requests (ERR_NETWORK_CHANGED): only for
 * tests in files named `*.alone.test.ts`, beside which nothing else runs. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { HOSTS } from './database-server.ts';
import { installed } from './smtp-sink.ts';

/** Whether hosts can be made here; says loudly that they cannot. Without iproute2 it fails under CI=true. */
export function canMakeHosts(): boolean {
  if (process.platform !== 'linux' || !installed('ip', '-V')) return false;
  try {
    using host = new Host();
    host.link();
    execFileSync('ip', ['netns', 'exec', host.name, 'true'], { stdio: 'pipe' });
    return true;
  } catch (error) {
    console.warn(`\n*** SKIPPED: no network namespaces can be made here (it needs root): ${String(error)} ***\n`);
    return false;
  }
}

export class Host implements Disposable {
  /** Of the namespace. */
  readonly name = `ph${randomBytes(4).toString('hex')}`;
  readonly #links: Link[] = [];

  constructor() {
    ip('netns', 'add', this.name);
    ip('-n', this.name, 'link', 'set', 'lo', 'up');
  }

  /** Before a command that is to run there. */
  get within(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name];
  }

  /** A network that only this machine and the host are in. */
  link(): Link {
    const link = new Link(this.name, this.#links.length);
    this.#links.push(link);
    return link;
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link.remove();
    spawnSync('ip', ['netns', 'del', this.name]);
  }
}

export class Link {
  /** Of this machine, as the host sees it. */
  readonly address: string;
  readonly #device: string;

  constructor(host: string, number: number) {
    this.#device = `${host}${number}a`;
    const there = `${host}${number}b`;
    const [third = 0, fourth = 0] = randomBytes(2);
    const net = `${HOSTS}.${third}.`;
    const last = fourth & 0b1111_1100;
    this.address = `${net}${last + 1}`;
    ip('link', 'add', this.#device, 'type', 'veth', 'peer', 'name', there, 'netns', host);
    ip('addr', 'add', `${this.address}/30`, 'dev', this.#device);
    ip('-n', host, 'addr', 'add', `${net}${last + 2}/30`, 'dev', there);
    ip('-n', host, 'link', 'set', there, 'up');
    this.mend();
  }

  cut(): void {
    ip('link', 'set', this.#device, 'down');
  }

  mend(): void {
    ip('link', 'set', this.#device, 'up');
  }

  remove(): void {
    spawnSync('ip', ['link', 'del', this.#device]);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' });
}
