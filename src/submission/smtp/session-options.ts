/** What one session may be and do. */
import type { Lf } from './data.ts';

export interface SessionOptions {
  readonly hostname: string;
  readonly maxMessageSize: number;
  readonly maxRecipients: number;
  /** Refusals of class 5 at which the session ends; an accepted message forgives those before it. */
  readonly maxErrors: number;
  /** A certificate is there. */
  readonly offerTls: boolean;
  /** `none`: no users are configured. `optional`: this client may submit without. `required`: it may not. */
  readonly login: 'none' | 'optional' | 'required';
  /** The client is on this machine: a login in plain text is read by nobody. */
  readonly local: boolean;
  /** What it is in a content sent with DATA. Default: an octet. */
  readonly lf?: Lf;
  /** Asked at each MAIL. */
  readonly storageFull?: () => boolean;
}
