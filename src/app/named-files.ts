/** Files of TLS and of secrets that the settings name: what is wrong with one is said with the name of its setting. */
import { readFileSync } from 'node:fs';
import type { Config } from '../config/settings.ts';
import { PosthasteError } from '../errors.ts';

/** Throws CONFIG_INVALID. */
export function readNamed(setting: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid(setting, path, `cannot be read: ${why}; correct the path, or let this user read it`);
  }
}

type Login = NonNullable<Config['relays'][string]['auth']>;

/** Those of the ways out, before any of them is opened. Throws CONFIG_INVALID. */
export function checkRelayFiles({ relay, relayCa, relays }: Config): void {
  if (relay !== null && relayCa !== null) checkCa('relayCa', relayCa);
  for (const [name, { tls = {}, auth, logins = {} }] of Object.entries(relays)) {
    if (auth !== undefined) checkLogin(`relays.${name}.auth`, auth);
    for (const [sender, login] of Object.entries(logins)) checkLogin(`relays.${name}.logins.${sender}`, login);
    if (tls.ca !== undefined) checkCa(`relays.${name}.tls.ca`, tls.ca);
    for (const part of ['cert', 'key'] as const)
      if (tls[part] !== undefined) readNamed(`relays.${name}.tls.${part}`, tls[part]);
  }
}

/** Each is read again when it is used; one that was never there keeps back all mail. */
function checkLogin(setting: string, { passwordFile, oauth = {} }: Login): void {
  const files = {
    passwordFile,
    'oauth.clientSecretFile': oauth.clientSecretFile,
    'oauth.refreshTokenFile': oauth.refreshTokenFile,
    'oauth.serviceAccount.privateKeyFile': oauth.serviceAccount?.privateKeyFile,
  };
  for (const [name, path] of Object.entries(files)) if (path !== undefined) readNamed(`${setting}.${name}`, path);
}

/** TLS passes over what is no certificate: no relay would be trusted then, and nobody would know why. */
function checkCa(setting: string, path: string): void {
  if (/-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/.test(readNamed(setting, path).toString('latin1'))) return;
  throw invalid(
    setting,
    path,
    'holds no certificate: it has no line -----BEGIN CERTIFICATE-----; name a file with one',
  );
}

function invalid(setting: string, path: string, fault: string): PosthasteError {
  return new PosthasteError('CONFIG_INVALID', `${setting} is ${JSON.stringify(path)}, which ${fault}`);
}
