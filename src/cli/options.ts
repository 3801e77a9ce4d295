/** Options that several commands share: settings, the choice of deliveries, examples. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { standardInWords } from '../config/document.ts';
import { parseDuration } from '../config/kinds.ts';
import { SYSTEM_FOLDER } from '../config/read.ts';
import { flagOf, type SettingName, settingOf } from '../config/settings.ts';
import { STATES, type State } from '../queue/delivery.ts';
import type { Filter } from '../queue/store.ts';
import type { Instant } from '../runtime/clock.ts';
import { markSetting } from './context.ts';

/** What every command that opens the queue takes. */
export const QUEUE_SETTINGS: readonly SettingName[] = ['dataDir', 'database'];

/** Adds `--config` and a flag for each of the settings. */
export function addSettings(command: Command, names: readonly SettingName[] = QUEUE_SETTINGS): Command {
  command.addOption(
    new Option(
      '--config <path>',
      `configuration file (default: posthaste.config.* in the working directory or ${SYSTEM_FOLDER})`,
    ).helpGroup('Settings:'),
  );
  for (const name of names) {
    const { kind, sentence, fileOnly } = settingOf(name);
    if (fileOnly) continue;
    const allowed = kind.choices === undefined ? '' : ` One of ${kind.choices.join(', ')}.`;
    const words = `${sentence}${allowed} Default: ${standardInWords(name)}.`.replaceAll('`', '');
    const option = new Option(`${flagOf(name)} <${kind.placeholder}>`, words).helpGroup('Settings:');
    // Given several times: all of them where the setting is a list, else the last one.
    if (kind.placeholder.endsWith('...'))
      option.argParser((value, before: string[] | undefined) => [...(before ?? []), value]);
    command.addOption(option);
    markSetting(command, name);
  }
  return command;
}

export function addExamples(command: Command, ...examples: readonly string[]): Command {
  const lines = examples.map((example) => `  $ posthaste ${example}`);
  return command.addHelpText('after', `\nExample${examples.length > 1 ? 's' : ''}:\n${lines.join('\n')}`);
}

/** For commands in cron, which sends a mail for every line that is written. */
export function addQuiet(command: Command): void {
  command.option('--quiet', 'say nothing when all went well: for cron');
}

/** For the audit trail. */
export function addReason(command: Command): void {
  command.option('--reason <text>', 'why, for posthaste audit');
}

export interface FilterFlags {
  readonly state?: readonly State[] | 'all';
  readonly relay?: string;
  readonly recipient?: string;
  readonly sender?: string;
  readonly messageId?: string;
  readonly subject?: string;
  readonly tag?: string;
  readonly olderThan?: number;
  readonly newerThan?: number;
  readonly deferred?: boolean;
  readonly inDoubt?: boolean;
  readonly suppressed?: true;
  readonly reports?: true;
}

/** Adds the options that choose deliveries; all that are given must fit. */
export function addFilter(command: Command, states: string | null): Command {
  const group = 'Which deliveries:';
  const options = [
    new Option(
      '--state <state,...>',
      `one of ${STATES.join(', ')}, several of them, or all (default: ${states})`,
    ).argParser(parseStates),
    new Option('--relay <name>', 'routed to this relay').argParser(parseText),
    new Option('--recipient <address>', 'for this address, or for all of @domain').argParser(parseText),
    new Option('--sender <address>', 'from this address, from all of @domain, or from <>').argParser(parseText),
    new Option('--message-id <id>', 'with this Message-ID').argParser(parseText),
    new Option('--subject <text>', 'with this text in the subject').argParser(parseText),
    new Option('--tag <tag>', 'with this tag').argParser(parseText),
    new Option('--older-than <duration>', 'submitted longer ago than this, as 2h or 7d').argParser(parseAge),
    new Option('--newer-than <duration>', 'submitted less long ago than this').argParser(parseAge),
    new Option('--deferred', 'waiting after an attempt that did not succeed'),
    new Option('--suppressed', 'that ended because their recipients are suppressed'),
    new Option('--reports', 'that are reports of posthaste to senders'),
    new Option('--in-doubt', 'that may have been taken: an attempt ended before the answer'),
  ];
  for (const option of options) {
    if (states !== null || !['state', 'suppressed'].includes(option.attributeName()))
      command.addOption(option.helpGroup(group));
  }
  return command;
}

/** The filter that options ask for; `state` stays apart, because its default is each command's own. */
export function filterOf(flags: FilterFlags, now: Instant): Filter {
  const { relay, recipient, sender, messageId, subject, tag, olderThan, newerThan } = flags;
  return {
    ...(relay !== undefined && { relay }),
    ...(recipient !== undefined && { recipient }),
    ...(sender !== undefined && { sender }),
    ...(messageId !== undefined && { messageId: messageId.startsWith('<') ? messageId : `<${messageId}>` }),
    ...(subject !== undefined && { subject }),
    ...(tag !== undefined && { tag }),
    ...(olderThan !== undefined && { createdBefore: now - olderThan }),
    ...(newerThan !== undefined && { createdAfter: now - newerThan }),
    ...(flags.deferred === true && { deferred: true }),
    ...(flags.inDoubt === true && { inDoubt: true }),
    ...(flags.suppressed === true && { reason: 'suppressed' as const }),
    ...(flags.reports === true && { reports: true }),
  };
}

/** The states that flags ask for, else those in which the command looks by itself. */
export function statesOf({ state, suppressed }: FilterFlags, standard: readonly State[]): readonly State[] {
  if (state === undefined) return suppressed === true ? ['bounced'] : standard;
  return state === 'all' ? STATES : state;
}

function parseStates(text: string): readonly State[] | 'all' {
  if (text === 'all') return 'all';
  const names = text.split(',').map((name) => name.trim());
  const strange = names.find((name) => !(STATES as readonly string[]).includes(name));
  if (strange === undefined) return names as State[];
  throw new InvalidArgumentError(`Allowed are ${STATES.join(', ')}, several with commas between them, and all.`);
}

/** Behind a variable of a script that is not set nobody should hear that there is no such mail. */
function parseText(text: string): string {
  if (text.trim() !== '') return text;
  throw new InvalidArgumentError('It is empty.');
}

export function parseAge(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new InvalidArgumentError('Allowed is a duration such as 30m, 2h or 7d.');
}

export function parseCount(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Allowed is a whole number of at least 1.');
}
