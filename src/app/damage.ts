/** Whether the file of the queue is whole. */
import type { Config } from '../config/settings.ts';
import { damageIn } from '../store/damage.ts';

/** The first thing that is wrong with it; null: nothing is, or the queue is on a server. */
export function damageOf({ database }: Config): Promise<string | null> {
  return damageIn(database);
}
