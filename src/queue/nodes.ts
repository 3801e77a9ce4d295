/** The processes that work on the queue, as far as they can be seen from here. */
import { mayLive } from '../runtime/process.ts';
import type { Node, RelayStore } from './relay-store.ts';
import { isOnce } from './why.ts';

/** Also those that were not seen lately. Those of this machine that were killed are marked at once: nobody has to wait for their silence. */
export async function knownNodes(store: Pick<RelayStore, 'nodes'>): Promise<readonly Node[]> {
  const nodes = await store.nodes(0);
  return nodes.map((node) => (isOnce(node) || mayLive(node) ? node : { ...node, gone: true }));
}
