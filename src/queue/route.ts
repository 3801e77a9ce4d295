/** The choice of the relay for a recipient, made once at submission and kept with the delivery. */
import type { Address } from '../mail/address.ts';
import type { Envelope } from '../mail/envelope.ts';

/** Names the relay that takes a recipient of a message. */
export type Router = (recipient: Address, envelope: Envelope) => string;

/** The name of the only relay where none was named. */
export const DEFAULT_RELAY = 'default';

export const singleRelay: Router = () => DEFAULT_RELAY;
