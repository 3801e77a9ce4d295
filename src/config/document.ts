/** Writes the page about all settings, `docs/configuration.md`, from the settings themselves. */
import { CONFIG_FILES, SYSTEM_FOLDER } from './read.ts';
import type { Group } from './setting.ts';
import { flagOf, type SettingName, settingNames, settingOf, variableOf } from './settings.ts';
import {
  ACCOUNT_FIELDS,
  AUTH_FIELDS,
  DKIM_FIELDS,
  OAUTH_FIELDS,
  RELAY_FIELDS,
  RETRY_FIELDS,
  ROUTE_FIELDS,
  RULE_FIELDS,
  TLS_FIELDS,
  WEBHOOK_FIELDS,
} from './shapes.ts';
import type { Fields } from './structured.ts';

const INTRODUCTION = `# Configuration

<!-- Written by \`npm run docs\` from src/config/settings.ts; a test fails when it is out of date. -->

posthaste starts without any setting. What you do set can stand in three places; the first one that has a value wins:

1. a flag: \`posthaste serve --relay smtp://relay.example.com\`
2. an environment variable: \`POSTHASTE_RELAY=smtp://relay.example.com\` (an empty one counts as not set)
3. a configuration file: the one that \`--config FILE\` or \`POSTHASTE_CONFIG\` names, else
   ${CONFIG_FILES.map((name) => `\`${name}\``).join(', ')} in the working directory, else in
   \`${SYSTEM_FOLDER}\`. \`posthaste sendmail\` and \`mailq\` look only there: other users' programs call them anywhere. (The library looks
   in the working directory only.)

A configuration file gives one object, with the names of the tables below:

\`\`\`ts
// posthaste.config.ts
import { defineConfig } from 'posthaste';

export default defineConfig({
  relay: 'smtp://user:password@relay.example.com:587',
  listen: ['127.0.0.1:2525', '[::1]:2525'],
  maxMessageSize: '25MB',
  maxAge: '2d',
});
\`\`\`

\`defineConfig\` gives back what it gets; an editor knows by it what may stand there. A plain object does as well, where posthaste is
not installed beside the file.

**Values.** Durations are \`30s\`, \`5m\`, \`4h\`, \`5d\`, or a number of milliseconds. Sizes are \`50MB\` (millions of octets), \`64KiB\`, or a number
of octets. Lists are arrays in a file; elsewhere their items stand apart by spaces, and by commas where no password can contain one; a flag may also
be given several times. Relative paths count from the working directory, in a configuration file from its folder.

**Secrets** (marked \`secret\`) are never logged or shown. Other users of a machine can see flags, so put secrets into the environment or a file: each has a
second variable that names one, as \`POSTHASTE_RELAY_FILE=/run/secrets/relay\`. Line breaks at the end of such a file do not count; setting both variables is an error.

**Mistakes** are errors: unknown keys, unknown variables that begin with \`POSTHASTE_\` and values that are not allowed stop the start (exit code 78) with a
sentence that names the key, where it stands, the value and what is allowed. Variables that Kubernetes makes for a service named posthaste
(\`POSTHASTE_SERVICE_HOST\`, \`POSTHASTE_PORT_25_TCP\` ...) are ignored. \`posthaste config\` shows every value and where it came from;
\`posthaste check\` tries them out.

Two variables are no settings: \`POSTHASTE_CONFIG\` names the configuration file, and \`POSTHASTE_DEBUG=1\` adds the stack trace to an error.
`;

const HEADINGS: Readonly<Record<Group, string>> = {
  Storage: 'Storage',
  Listener: 'The listener: mail comes in',
  Limits: 'Limits of the listener',
  Sendmail: 'The command sendmail',
  Relay: 'The relay: mail goes out',
  Retry: 'Trying again',
  Pace: 'How much at once',
  Safety: 'Safety of test systems',
  Retention: 'How long messages are kept',
  Webhooks: 'Webhooks: what becomes of mail, over HTTP',
  Hooks: 'Functions of your own',
  Application: 'Messages of an application: the library',
  Program: 'The program',
};

const PARTS: readonly { readonly heading: string; readonly words: string; readonly fields: Fields }[] = [
  {
    heading: 'A relay',
    words: `Each relay of \`relays\` needs a \`url\` or a \`transport\`, and may have all the rest. A text in place of the object is its url. The settings
that begin with \`relay\` count for the one that \`relay\` describes, and for no other.

\`\`\`ts
// posthaste.config.ts
import { defineConfig } from 'posthaste';

export default defineConfig({
  relays: {
    ses: {
      url: 'smtp://user:password@email-smtp.eu-central-1.amazonaws.com:587',
      rate: ['14/s', '50000/d'],
      fallback: 'backup',
      rules: [{ code: 454, text: 'daily message quota', outcome: 'deferred', scope: 'relay' }],
    },
    backup: 'smtps://user:password@smtp.example.com',
    office: { url: 'smtp://mail.corp.example', tls: { level: 'required' }, retry: { maxAge: '2d' } },
  },
  defaultRelay: 'ses',
  routes: [
    { recipient: '@corp.example', relay: 'office' },
    { header: 'X-Relay', value: 'backup', relay: 'backup' },
  ],
});
\`\`\`

A fallback sends the mail of a relay that has failed for \`failoverAfter\`, as long as it fails: mail keeps its relay, and the attempts tell which one
was used. Mail in doubt is never sent by a fallback.`,
    fields: RELAY_FIELDS,
  },
  { heading: 'The login of a relay: auth', words: 'A user with a password, or with OAuth.', fields: AUTH_FIELDS },
  {
    heading: 'OAuth: auth.oauth',
    words: 'Tokens are kept and renewed before they end.',
    fields: OAUTH_FIELDS,
  },
  {
    heading: 'A service account: auth.oauth.serviceAccount',
    words: 'Needs a `privateKey` or a `privateKeyFile`.',
    fields: ACCOUNT_FIELDS,
  },
  { heading: 'The way to a relay: tls', words: 'How the connection is secured.', fields: TLS_FIELDS },
  {
    heading: 'The patience with a relay: retry',
    words: 'What it does not say is as set for all. The text `manual` in place of the object is its mode.',
    fields: RETRY_FIELDS,
  },
  {
    heading: 'What a reply means: rules',
    words:
      'All conditions of a rule must hold. `posthaste explain "550 5.7.1 try later" --relay NAME` tells which rule decides, and what follows.',
    fields: RULE_FIELDS,
  },
  {
    heading: 'A route',
    words:
      'All conditions of a route must hold. The relay is chosen once for each recipient, at submission; `posthaste reroute` changes it later.',
    fields: ROUTE_FIELDS,
  },
  {
    heading: 'A webhook',
    words: `Needs a \`secret\` or a \`secretFile\`. [Webhooks](webhooks.md) tells what is posted, and how a receiver checks it.

\`\`\`ts
// posthaste.config.ts
import { defineConfig } from 'posthaste';

export default defineConfig({
  webhooks: {
    shop: {
      url: 'https://shop.example.com/mail-events',
      secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      events: ['sent', 'bounced', 'suppressed'],
    },
  },
});
\`\`\``,
    fields: WEBHOOK_FIELDS,
  },
  { heading: 'A signature', words: 'Needs a `key` or a `keyFile`.', fields: DKIM_FIELDS },
];

export function documentSettings(): string {
  const groups = Object.entries(HEADINGS).map(([group, heading]) => {
    const rows = settingNames.filter((name) => settingOf(name).group === group).map(row);
    return `\n## ${heading}\n\n| name | flag | environment | default | |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return INTRODUCTION + groups.join('') + IN_PARTS + PARTS.map(documentPart).join('');
}

const IN_PARTS = `
## Settings with parts

They stand in a configuration file only. A complaint names the exact part: \`relays.ses.rate\`.
`;

function documentPart({ heading, words, fields }: (typeof PARTS)[number]): string {
  const rows = Object.entries(fields).map(
    ([name, { secret, required, sentence }]) =>
      `| \`${name}\`${secret ? ' (secret)' : ''}${required ? ' (required)' : ''} | ${cell(sentence)} |`,
  );
  return `\n### ${heading}\n\n${words}\n\n| name | |\n|---|---|\n${rows.join('\n')}\n`;
}

/** The default in words; code where it is a value that could be written so. */
export function standardInWords(name: SettingName): string {
  const { standard, standardText, kind } = settingOf(name);
  return standardText ?? `\`${kind.show(standard)}\``;
}

function row(name: SettingName): string {
  const { kind, secret, sentence, fileOnly } = settingOf(name);
  const cells = [
    `\`${name}\`${secret ? ' (secret)' : ''}`,
    fileOnly ? 'in a file only' : `\`${flagOf(name)} <${kind.choices?.join('|') ?? kind.placeholder}>\``,
    fileOnly ? '' : `\`${variableOf(name)}\``,
    standardInWords(name),
    sentence,
  ];
  return `| ${cells.map(cell).join(' | ')} |`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
