/** A relay that a command names. */
import { EXIT, Failure } from './failure.ts';

export function mustKnow(name: string, known: readonly string[]): string {
  if (known.includes(name)) return name;
  throw new Failure(`there is no relay ${JSON.stringify(name)}; known: ${known.join(', ')}`, EXIT.failure);
}
