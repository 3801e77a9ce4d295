/** A server that runs may have been started with other settings than those that a command was given: it is told by its relay. */
import { relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import { printable } from '../mail/reply.ts';
import type { Node } from '../queue/relay-store.ts';
import { isOnce, isTaker } from '../queue/why.ts';
import type { Cli } from './context.ts';

/** A sentence for each of those who run on the queue. Nothing of a queue that cannot be read: that is for others to tell. */
export async function otherSettings(cli: Cli, config: Config): Promise<readonly string[]> {
  const nodes = await cli.program.workers(config).catch(() => []);
  const captures = relaysOf(config).length === 0;
  const deliver = nodes.filter((node) => !isTaker(node) && !isOnce(node));
  return deliver.filter(({ hasRelay }) => hasRelay === captures).map((node) => sentence(node, captures));
}

function sentence({ host, pid, role }: Node, captures: boolean): string {
  const which = captures
    ? 'has a relay, which these settings do not name'
    : 'has no relay, though these settings name one';
  return `pid ${pid} on ${printable(host)} (${printable(role)}) runs on this queue and ${which}: it was started with other settings, by its command line, environment or folder`;
}
