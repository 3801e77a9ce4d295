/** How processes divide the connections of a relay: never more in sum than there are, as equal as whole numbers allow. Pure. */
import type { Id } from '../runtime/id.ts';

/** What a process holds of a relay's connections. */
export interface Holding {
  readonly node: Id;
  readonly connections: number;
}

/**
 * What `own.node` may have of `limit` connections. It takes only what the others have given up, so that the sum never exceeds the
 * limit; they give up what is above their part as soon as they know of it. Of parts that cannot be equal, older processes have the larger.
 */
export function partOf(
  limit: number,
  own: Holding,
  others: readonly Holding[],
): { readonly connections: number /** Nothing is left to be given or taken. */; readonly settled: boolean } {
  const members = others.length + 1;
  const older = others.filter(({ node }) => node < own.node).length;
  const fair = Math.floor(limit / members) + (older < limit % members ? 1 : 0);
  const free = limit - others.reduce((sum, { connections }) => sum + connections, 0);
  const connections = Math.min(fair, Math.max(0, free, own.connections));
  return { connections, settled: connections === fair && own.connections <= fair };
}
