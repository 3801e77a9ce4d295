/** Whose process this is, for those who wonder later. */
import { hostname, userInfo } from 'node:os';

/** `user@host`. A container's user may have no name. */
export function processUser(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}@${hostname()}`;
  }
}
