/** Files of TLS that the settings name: what is wrong with one is said with the name of its setting. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';

/** Throws CONFIG_INVALID. */
export function readPem(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid(setting, path, `cannot be read: ${why}; correct the path, or let this user read it`);
  }
}

/** Those of the ways out, before any of them is opened. Throws CONFIG_INVALID. */
export function checkRelayPems({ relay, relayCa, relays }: Config): void {
  if (relay !== null && relayCa !== null) checkCa('relayCa', relayCa);
  for (const [name, { tls = {} }] of Object.entries(relays)) {
    if (tls.ca !== undefined) checkCa(`relays.${name}.tls.ca`, tls.ca);
    for (const part of ['cert', 'key'] as const)
      if (tls[part] !== undefined) readPem(`relays.${name}.tls.${part}`, tls[part]);
  }
}

/** TLS passes over what is no certificate: no relay would be trusted then, and nobody would know why. */
function checkCa(setting: string, path: string): void {
  if (/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(readPem(setting, path).toString('latin1'))) return;
  throw invalid(
    setting,
    path,
    'holds no certificate: it has no line -----BEGIN CERTIFICATE-----; name a file with one',
  );
}

function invalid(setting: string, path: string, fault: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', `${setting} is ${JSON.stringify(path)}, which ${fault}`);
}
