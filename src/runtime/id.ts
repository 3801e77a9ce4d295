/** Ids made by the application: UUIDv7 (RFC 9562 5.7), so that they sort by the time they were made. */
import { randomFillSync } from 'node:crypto';
import type { Instant } from './clock.ts';

/** UUIDv7 as text in lower case. */
export type Id = string;

const random = new Uint8Array(8192);
let used = random.length;
let lastMs = 0;
let sequence = 0;

/** A new id. Ids made by one process rise strictly, also inside one millisecond and when the clock steps back. */
export function newId(now: Instant): Id {
  if (now > lastMs) {
    lastMs = now;
    sequence = 0;
  } else if (++sequence > 0xfff) {
    lastMs++;
    sequence = 0;
  }
  if (used + 8 > random.length) {
    randomFillSync(random);
    used = 0;
  }
  const tail = random.subarray(used, used + 8);
  used += 8;
  tail[0] = ((tail[0] as number) & 0x3f) | 0x80;
  const time = lastMs.toString(16).padStart(12, '0');
  const rest = Buffer.from(tail).toString('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-${rest.slice(0, 4)}-${rest.slice(4)}`;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export function isId(text: string): text is Id {
  return ID.test(text);
}

/** No id that was made at that time or later comes before it. */
export function firstIdAt(time: Instant): Id {
  const hex = Math.max(0, time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/** The 16 bytes that the databases keep. */
export function idToBytes(id: Id): Uint8Array {
  return Buffer.from(id.replaceAll('-', ''), 'hex');
}

export function idFromBytes(bytes: Uint8Array): Id {
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
