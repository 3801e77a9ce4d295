/** From the settings of a relay to the transport that reaches it. */
import { readFileSync } from 'node:fs';
import { PosthasteError } from '../errors.ts';
import { type Log, silentLog } from '../runtime/log.ts';
import { CaptureTransport } from './capture.ts';
import { RULES, type Rule } from './classify.ts';
import { CommandTransport } from './command.ts';
import { FileTransport } from './file.ts';
import { NullTransport } from './null.ts';
import { fileCredentials, type Login } from './smtp/credentials.ts';
import { type OAuthOptions, oauthCredentials, refreshTokenFile, secretFile } from './smtp/oauth.ts';
import type { SmtpOptions, TlsLevel } from './smtp/options.ts';
import { SmtpTransport } from './smtp/smtp.ts';
import { parseRelayUrl } from './smtp/url.ts';
import type { Transport } from './transport.ts';

/** A secret itself, or the file that holds it. */
type Secret = { readonly value: string } | { readonly file: string };

interface OAuth {
  readonly provider: 'google' | 'microsoft' | null;
  readonly tenant: string | null;
  readonly tokenUrl: string | null;
  readonly clientId: string | null;
  readonly clientSecret: Secret | null;
  readonly refreshToken: Secret | null;
  readonly serviceAccount: { readonly email: string; readonly privateKey: Secret } | null;
  readonly scope: string | null;
}

interface Auth {
  readonly user: string;
  readonly password: Secret | null;
  readonly oauth: OAuth | null;
}

/** Where a relay is and how it is spoken to. null stands for "nothing said". */
export interface Way {
  readonly name: string;
  readonly url: string | null;
  readonly transport: object | null;
  readonly command: readonly string[] | null;
  readonly auth: Auth | null;
  readonly logins: Readonly<Record<string, Auth>>;
  readonly tls: {
    readonly level: TlsLevel | 'auto';
    readonly ca: string | null;
    readonly cert: string | null;
    readonly key: string | null;
    readonly fingerprints: readonly string[];
    readonly servername: string | null;
    readonly minVersion: NonNullable<SmtpOptions['minVersion']> | null;
  };
  readonly proxy: string | null;
  readonly connections: number;
  readonly messagesPerConnection: number | null;
  readonly recipientsPerMessage: number | null;
  readonly maxSize: number | null;
  readonly rules: readonly Rule[];
}

/** What was opened: the transport, and the host that reports name where there is one. */
export interface Opened {
  readonly transport: Transport;
  readonly host: string | null;
  /** Connections that all processes together may have; null: any number. */
  readonly connections: number | null;
}

const UNKEPT =
  'the refreshTokenFile cannot be written: the new refresh token serves until this process ends, and the one in the file may be dead then';

/** Throws CONFIG_INVALID for a way that cannot be, and what reading its files throws. `ehloName` is our own name. */
export async function openTransport(way: Way, ehloName: string, log: Log = silentLog): Promise<Opened> {
  if (way.transport !== null)
    return { transport: await nodemailer(way, way.transport), host: null, connections: way.connections };
  const url = way.url ?? '';
  const scheme = /^[a-z]+(?=:)/i.exec(url)?.[0]?.toLowerCase();
  if (scheme === 'null') return { transport: new NullTransport(), host: null, connections: null };
  if (scheme === 'capture') {
    const transport = new CaptureTransport(`the relay ${way.name} keeps mail here`);
    return { transport, host: null, connections: null };
  }
  if (scheme === 'file') return { transport: folder(url), host: null, connections: null };
  if (scheme === 'command')
    return {
      transport: new CommandTransport({ command: way.command ?? [], concurrency: way.connections }),
      host: null,
      connections: way.connections,
    };
  const options = smtpOptions(way, ehloName, log);
  const transport = new SmtpTransport(options);
  return { transport, host: options.host, connections: transport.limit };
}

/** Loaded where it is needed only: commands that look at the queue have no use for Nodemailer. */
async function nodemailer({ name, connections, rules }: Way, transport: object): Promise<Transport> {
  const { NodemailerTransport } = await import('./nodemailer.ts');
  return new NodemailerTransport({ transport, name, concurrency: connections, rules: [...rules, ...RULES] });
}

function folder(text: string): Transport {
  const url = new URL(text);
  const format = url.searchParams.get('format') ?? 'maildir';
  if (format === 'maildir' || format === 'eml')
    return new FileTransport({ folder: decodeURIComponent(url.pathname), format });
  throw new PosthasteError(
    'CONFIG_INVALID',
    `The relay ${text} has the format ${format}; allowed are maildir and eml.`,
  );
}

/** What the URL says of the relay, and the other settings where it says nothing. */
export function smtpOptions(way: Way, ehloName: string, log: Log): SmtpOptions {
  const { tls, auth, proxy, rules } = way;
  const onUnkept = (error: unknown): void => log.error({ relay: way.name, err: error }, UNKEPT);
  const logins = Object.entries(way.logins).map(([sender, login]) => [sender, loginOf(login, onUnkept)]);
  return {
    name: ehloName,
    maxConnections: way.connections,
    ...(tls.level !== 'auto' && { tls: tls.level }),
    ...(tls.ca !== null && { ca: pem(tls.ca) }),
    ...(tls.cert !== null && { cert: pem(tls.cert) }),
    ...(tls.key !== null && { key: pem(tls.key) }),
    ...(tls.fingerprints.length > 0 && { fingerprint: tls.fingerprints }),
    ...(tls.servername !== null && { servername: tls.servername }),
    ...(tls.minVersion !== null && { minVersion: tls.minVersion }),
    ...(auth !== null && { credentials: loginOf(auth, onUnkept) }),
    ...(logins.length > 0 && { logins: Object.fromEntries(logins) as Record<string, Login> }),
    ...(proxy !== null && { proxy }),
    ...(way.messagesPerConnection !== null && { maxMessages: way.messagesPerConnection }),
    ...(way.recipientsPerMessage !== null && { maxRecipients: way.recipientsPerMessage }),
    ...(way.maxSize !== null && { maxSize: way.maxSize }),
    ...(rules.length > 0 && { rules: [...rules, ...RULES] }),
    ...parseRelayUrl(way.url ?? ''),
  };
}

function pem(path: string): string {
  return readFileSync(path, 'utf8');
}

function loginOf({ user, password, oauth }: Auth, onUnkept: (error: unknown) => void): Login {
  if (oauth !== null) return oauthCredentials({ ...oauthOptions(user, oauth), onUnkept });
  if (password !== null && 'file' in password) return fileCredentials(password.file, user);
  return { user, password: password?.value ?? '' };
}

function oauthOptions(user: string, oauth: OAuth): OAuthOptions {
  const { provider, tenant, tokenUrl, scope, clientId, clientSecret, refreshToken, serviceAccount } = oauth;
  return {
    user,
    ...(provider !== null && { provider }),
    ...(tenant !== null && { tenant }),
    ...(tokenUrl !== null && { tokenUrl }),
    ...(scope !== null && { scope }),
    ...(clientId !== null && { clientId }),
    ...(clientSecret !== null && {
      clientSecret: 'file' in clientSecret ? secretFile(clientSecret.file) : clientSecret.value,
    }),
    ...(refreshToken !== null && refreshTokenOf(refreshToken)),
    ...(serviceAccount !== null && {
      serviceAccount: { email: serviceAccount.email, privateKey: secretOf(serviceAccount.privateKey) },
    }),
  };
}

/** A refresh token in a file is read again for each request, and a new one is written there. */
function refreshTokenOf(secret: Secret): Partial<OAuthOptions> {
  return 'file' in secret ? refreshTokenFile(secret.file) : { refreshToken: secret.value };
}

function secretOf(secret: Secret): string {
  return 'file' in secret ? readFileSync(secret.file, 'utf8').trim() : secret.value;
}
