/** Writes the page about all settings, `docs/configuration.md`, from the settings themselves. */
import { CONFIG_FILES } from './read.ts';
import { flagOf, type Group, type SettingName, settingNames, settingOf, variableOf } from './settings.ts';

const INTRODUCTION = `# Configuration

<!-- Written by \`npm run docs\` from src/config/settings.ts; a test fails when it is out of date. -->

posthaste starts without any setting. What you do set can stand in three places; the first one that has a value wins:

1. a flag: \`posthaste serve --relay smtp://relay.example.com\`
2. an environment variable: \`POSTHASTE_RELAY=smtp://relay.example.com\` (an empty one counts as not set)
3. a configuration file: the one that \`--config FILE\` or \`POSTHASTE_CONFIG\` names, else
   ${CONFIG_FILES.map((name) => `\`${name}\``).join(', ')} in the working directory

A configuration file gives one object, with the names of the tables below:

\`\`\`ts
// posthaste.config.ts
export default {
  relay: 'smtp://user:password@relay.example.com:587',
  listen: ['127.0.0.1:2525', '[::1]:2525'],
  maxMessageSize: '25MB',
  maxAge: '2d',
};
\`\`\`

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
  Relay: 'The relay: mail goes out',
  Retry: 'Trying again',
  Retention: 'How long messages are kept',
  Program: 'The program',
};

export function documentSettings(): string {
  const groups = Object.entries(HEADINGS).map(([group, heading]) => {
    const rows = settingNames.filter((name) => settingOf(name).group === group).map(row);
    return `\n## ${heading}\n\n| name | flag | environment | default | |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return INTRODUCTION + groups.join('');
}

/** The default in words; code where it is a value that could be written so. */
export function standardInWords(name: SettingName): string {
  const { standard, standardText, kind } = settingOf(name);
  return standardText ?? `\`${kind.show(standard)}\``;
}

function row(name: SettingName): string {
  const { kind, secret, sentence } = settingOf(name);
  const cells = [
    `\`${name}\`${secret ? ' (secret)' : ''}`,
    `\`${flagOf(name)} <${kind.choices?.join('|') ?? kind.placeholder}>\``,
    `\`${variableOf(name)}\``,
    standardInWords(name),
    sentence,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
