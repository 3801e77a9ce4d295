/** Functions of the user's own that a configuration file may give. */
import type { BeforeSend, OnDeliveryError, OnRelayChange } from '../mail/hooks.ts';
import type { Kind } from './kinds.ts';
import { read } from './schema.ts';

function hook<F>(): Kind<F | null, F | null> {
  return {
    schema: read((value) => (value === null || typeof value === 'function' ? (value as F | null) : undefined)),
    placeholder: 'function',
    allowed: 'a function',
    show: (value) => (value === null ? 'none' : 'a function'),
  };
}

export const beforeSend = hook<BeforeSend>();
export const onDeliveryError = hook<OnDeliveryError>();
export const onRelayChange = hook<OnRelayChange>();
