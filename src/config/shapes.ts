/** The settings that have parts, and stand in a configuration file only: relays, routes and signatures. Each part once. */
import type { SendMailOptions, Transport } from 'nodemailer';
import * as kinds from './kinds.ts';
import * as relay from './kinds-relay.ts';
import * as webhook from './kinds-webhook.ts';
import { read } from './schema.ts';
import { arrayOf, field, named, orShort, requiredField, type Shaped, secretField, shape } from './structured.ts';

/** What `nodemailer.createTransport()` returns, as far as it is used. */
interface MailSender {
  readonly sendMail: (mail: SendMailOptions) => unknown;
}

/**
 * A Nodemailer transport: anything that sends by itself. Those of other versions of Nodemailer than the types are of, and of none, are told by
 * their method alone; what is written in place has the types of Nodemailer's own.
 */
export type MailTransport = Transport<unknown> | MailSender | { readonly send: object } | { readonly sendMail: object };

const mailTransport: kinds.Kind<MailTransport, MailTransport> = {
  schema: read((value) => {
    const given = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
    const sends = typeof given.send === 'function' || typeof given.sendMail === 'function';
    return sends ? (given as unknown as MailTransport) : undefined;
  }),
  placeholder: 'object',
  allowed: 'a Nodemailer transport: an object with a method send or sendMail',
  show: (value) => `a transport${'name' in value && typeof value.name === 'string' ? ` named ${value.name}` : ''}`,
};

/** The places in a dialogue with a relay where a reply can come. */
export const STAGES = [
  'connect',
  'tls',
  'greeting',
  'ehlo',
  'auth',
  'mail',
  'rcpt',
  'data',
  'dot',
  'lost',
  'cut',
] as const;

const codes = kinds.list(relay.replyCode, /[\s,]+/);

export const RULE_FIELDS = {
  code: field(codes, 'Reply codes, or their first digits: `550`, `45`, `5`, or an array of them.'),
  status: field(relay.pattern, "A pattern for the enhanced status, as `'^5\\.7\\.1$'`."),
  text: field(relay.pattern, 'A pattern for the text of the reply; as text it is taken without regard to case.'),
  stage: field(
    kinds.list(kinds.choice(...STAGES), /[\s,]+/),
    `Where in the dialogue the reply came: ${STAGES.map((stage) => `\`${stage}\``).join(', ')}; several in an array.`,
  ),
  outcome: requiredField(
    kinds.choice('sent', 'deferred', 'refused'),
    'What the reply means: `sent`, `deferred` or `refused`.',
  ),
  scope: field(
    kinds.choice('relay', 'message', 'recipient'),
    'Whom it concerns: `relay` (deferred only; pauses the relay and costs no attempt), `message` or `recipient`; by default the recipient at `rcpt` and else the message.',
  ),
  reason: field(kinds.text, 'What `posthaste explain` says of it.'),
} as const;

export const RETRY_FIELDS = {
  mode: field(kinds.choice('automatic', 'manual'), 'As `retry`.'),
  firstDelay: field(kinds.durationFrom(1), 'As `retryFirstDelay`.'),
  maxDelay: field(kinds.durationFrom(1), 'As `retryMaxDelay`.'),
  maxAge: field(kinds.durationFrom(1), 'As `maxAge`.'),
  maxAttempts: field(kinds.orWord(kinds.count(1), 'unlimited'), 'As `maxAttempts`.'),
  maxRetries: field(kinds.orWord(kinds.count(0), 'unlimited'), 'As `maxRetries`.'),
  delayReportAfter: field(kinds.orWord(kinds.duration, 'never'), 'As `delayReportAfter`.'),
} as const;

export const TLS_FIELDS = {
  level: field(
    kinds.choice('auto', 'none', 'opportunistic', 'required', 'verified'),
    'As `relayTls`; `auto` is the default.',
  ),
  ca: field(kinds.path, "PEM file with the authorities that may vouch for the relay, in place of Node's own list."),
  fingerprint: field(
    kinds.list(relay.fingerprint, /[\s,]+/),
    'SHA-256 fingerprint of the certificate that the relay must show, in hexadecimal; several in an array.',
  ),
  servername: field(kinds.hostName, "The name that the relay's certificate must carry, also sent as SNI."),
  minVersion: field(kinds.choice('TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'), 'The oldest version of TLS to accept.'),
  cert: field(kinds.path, 'PEM file with the certificate that posthaste shows to the relay.'),
  key: field(kinds.path, 'PEM file with the private key of that certificate.'),
} as const;

export const ACCOUNT_FIELDS = {
  email: requiredField(kinds.text, 'The name of the service account.'),
  privateKey: secretField(relay.secretText, 'Its private key (PEM).'),
  privateKeyFile: field(kinds.path, 'A file with its private key.'),
} as const;

export const OAUTH_FIELDS = {
  provider: field(
    kinds.choice('google', 'microsoft'),
    'Sets `tokenUrl` and `scope` for this provider: `google` or `microsoft`.',
  ),
  tenant: field(kinds.text, 'The tenant at Microsoft.'),
  tokenUrl: field(relay.httpsUrl, 'Where tokens are asked for, instead of a provider.'),
  clientId: field(kinds.text, 'The id of the application.'),
  clientSecret: secretField(relay.secretText, 'Its secret.'),
  clientSecretFile: field(kinds.path, 'A file with its secret.'),
  refreshToken: secretField(
    relay.secretText,
    'The refresh token that the user granted; without one, the application asks for itself (client credentials).',
  ),
  refreshTokenFile: field(
    kinds.path,
    'A file with the refresh token. A new one is written there, so it must be in a folder that can be written to where the server gives new ones.',
  ),
  serviceAccount: field(
    shape('a service account', ACCOUNT_FIELDS),
    'Of Google: an account that speaks for the user, with `email` and `privateKey` or `privateKeyFile`.',
  ),
  scope: field(kinds.text, 'The scope to ask for.'),
} as const;

export const AUTH_FIELDS = {
  user: requiredField(kinds.text, 'The user name.'),
  password: secretField(relay.secretText, 'The password.'),
  passwordFile: field(kinds.path, 'A file with the password, read again when it has changed.'),
  oauth: field(shape('an OAuth login', OAUTH_FIELDS), 'A login with OAuth 2 in place of a password.'),
} as const;

const login = shape('a login', AUTH_FIELDS);

export const RELAY_FIELDS = {
  url: secretField(
    relay.wayOut,
    'Where it is: `smtp://user:password@host:587`, `smtps://host`; or `file:FOLDER?format=maildir` (or `eml`), `command:` (with `command`), `capture:` (kept here), `null:` (thrown away).',
  ),
  // Such objects carry their own keys and passwords.
  transport: secretField(mailTransport, 'A Nodemailer transport in place of a URL: Amazon SES, a plug-in, your own.'),
  command: field(
    arrayOf(kinds.text),
    'For `command:`: the program and its arguments, as an array; it reads the message from its standard input.',
  ),
  auth: field(login, 'The login, where the URL has none.'),
  logins: field(
    named('login', relay.isLoginKey, login),
    'Other logins by sender: an object whose keys are addresses, or `@example.com` for all of a domain.',
  ),
  tls: field(shape('the TLS settings of a relay', TLS_FIELDS), 'How the way to it is secured.'),
  proxy: secretField(
    relay.proxyUrl,
    'A proxy on the way to it: `socks5://host:1080`, `http://user:password@host:3128`.',
  ),
  rate: field(
    relay.rates,
    "Recipients in a time, over all processes on the database: `'14/s'`, `['14/s', '50000/d']`. What was tried counts, whatever came of it; what was not begun when the relay had a fault does not.",
  ),
  connections: field(
    kinds.count(1),
    'Connections at one time, shared by all processes on the database; 20 by default.',
  ),
  messagesPerConnection: field(kinds.count(1), 'Messages over one connection; 1000 by default.'),
  recipientsPerMessage: field(
    kinds.count(1),
    'Recipients in one transaction, 100 by default; more of them go with several.',
  ),
  maxSize: field(kinds.mailSize, 'Octets of one message; a larger one is refused without asking the relay.'),
  doubt: field(kinds.choice('resend', 'hold'), 'As `doubt`.'),
  fallback: field(
    relay.relayNames,
    'The relay, or relays in order, that send its mail while it fails; never mail in doubt.',
  ),
  failoverAfter: field(kinds.duration, 'How long it must have failed before a fallback sends its mail; 5m by default.'),
  retry: field(
    orShort(shape('the retry policy of a relay', RETRY_FIELDS), (mode) => ({ mode: mode as 'manual' })),
    'When to try again, where it differs; `manual` alone says the mode.',
  ),
  maxBatch: field(kinds.count(1), 'As `maxBatch`, for its messages alone, beside the one for all.'),
  maxDeferred: field(kinds.count(1), 'As `maxDeferred`, for its messages alone, beside the one for all.'),
  throttle: field(kinds.duration, 'As `throttle`, for its messages alone, beside the one for all.'),
  rules: field(
    arrayOf(shape('a rule', RULE_FIELDS)),
    'What its replies mean, where it differs; the first rule that fits decides, before those of posthaste.',
  ),
} as const;

export const ROUTE_FIELDS = {
  sender: field(relay.senderPattern, 'The sender: an address, `@example.com`, `@*.example.com`, or `<>` for reports.'),
  recipient: field(relay.addressPattern, 'The recipient: an address, `@example.com` or `@*.example.com`.'),
  tag: field(kinds.text, 'A tag of the message.'),
  header: field(relay.headerName, 'The name of a field of the header that the message must have.'),
  value: field(kinds.text, 'With `header`: the value that this field must have, without regard to case.'),
  relay: requiredField(relay.relayName, 'The relay for it.'),
} as const;

export const DKIM_FIELDS = {
  domain: requiredField(kinds.hostName, 'The domain that signs mail of its senders.'),
  selector: requiredField(kinds.text, 'The selector under which the public key stands in DNS.'),
  key: secretField(relay.secretText, 'The private key (PEM): RSA with 1024 bits or more.'),
  keyFile: field(kinds.path, 'A file with the private key.'),
} as const;

/** What may be told; the queue has the same words. */
export const WEBHOOK_EVENTS = [
  'submitted',
  'sent',
  'captured',
  'deferred',
  'inDoubt',
  'bounced',
  'suppressed',
] as const;

export const WEBHOOK_FIELDS = {
  url: {
    kind: kinds.webUrl,
    sentence: 'Where events are posted. Addresses of private networks are allowed, and redirects not followed.',
    secret: true,
    required: true,
  },
  secret: secretField(
    kinds.list(webhook.webhookSecret, /\s+/),
    'The secret of the signatures, `whsec_...`; several in an array sign together, so that one can follow another.',
  ),
  secretFile: field(kinds.path, 'A file with the secret, or with several, one on each line; read at the start.'),
  events: field(
    kinds.list(kinds.choice(...WEBHOOK_EVENTS), /[\s,]+/),
    `What is told, all by default: ${WEBHOOK_EVENTS.map((event) => `\`${event}\``).join(', ')}.`,
  ),
  timeout: field(kinds.durationFrom(1), 'How long one may take to answer; 15s by default.'),
  connections: field(kinds.count(1), 'Posts at one time; 4 by default.'),
  maxAge: field(kinds.durationFrom(1), 'How long an event is tried; 3d by default.'),
} as const;

export type RelayEntry = Shaped<typeof RELAY_FIELDS>;
export type RuleEntry = Shaped<typeof RULE_FIELDS>;
export type AuthEntry = Shaped<typeof AUTH_FIELDS>;

export type WebhookSettings = Shaped<typeof WEBHOOK_FIELDS>;

export const webhooks = named('webhook', webhook.isWebhookName, shape('a webhook', WEBHOOK_FIELDS));
export const relays = named(
  'relay',
  relay.isRelayName,
  orShort(shape('a relay', RELAY_FIELDS), (url) => ({ url })),
);
export const routes = arrayOf(shape('a route', ROUTE_FIELDS));
export const dkim = arrayOf(shape('a signature', DKIM_FIELDS));
