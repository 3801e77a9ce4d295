/** Values in words for people. All that a remote or a sender wrote passes printable(). */
import { printable, type Reply, showReply } from '../mail/reply.ts';
import type { Delivery } from '../queue/delivery.ts';

/** Decimal units, two digits at least: `640 B`, `2.1 kB`, `14 MB`. */
export function humanSize(octets: number): string {
  if (octets < 1_000) return `${octets} B`;
  const units = ['kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(octets) / 3), units.length);
  const amount = octets / 1_000 ** power;
  return `${amount < 10 ? amount.toFixed(1) : Math.round(amount)} ${units[power - 1]}`;
}

export function humanCount(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

export const deliveries = (count: number): string => humanCount(count, 'delivery', 'deliveries');

export const entries = (count: number): string => humanCount(count, 'entry', 'entries');

/** A queued delivery with an attempt that counted is what people call deferred; one that was suppressed had none, and bounced nowhere. */
export function stateWord({ state, reason, attempts }: Pick<Delivery, 'state' | 'reason' | 'attempts'>): string {
  if (state === 'bounced' && reason === 'suppressed') return 'suppressed';
  return state === 'queued' && attempts > 0 ? 'deferred' : state;
}

export function senderWord(sender: string | null): string {
  return sender === null ? '<>' : printable(sender);
}

export function replyWord(reply: Reply | null): string {
  return reply === null ? '' : showReply(reply);
}

/** In the machine's own time zone, with its offset: `2026-11-22 14:03:09 +0100`. */
export function humanTime(time: number): string {
  const offset = -new Date(time).getTimezoneOffset();
  const local = new Date(time + offset * 60_000).toISOString();
  const pad = (value: number): string => String(value).padStart(2, '0');
  const zone = `${offset < 0 ? '-' : '+'}${pad(Math.floor(Math.abs(offset) / 60))}${pad(Math.abs(offset) % 60)}`;
  return `${local.slice(0, 10)} ${local.slice(11, 19)} ${zone}`;
}
