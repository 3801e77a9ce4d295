/** The command line of sendmail(1), as programs have written it for forty years: single letters, their values glued or apart. */
import { isNotify, type Notify } from '../mail/envelope.ts';
import type { ReadOptions } from '../submission/sendmail/read-message.ts';
import { EXIT, Failure } from './failure.ts';

export interface SendmailLine extends ReadOptions {
  /** `smtp`: -bs. `queue`: -bp. `nothing`: there is nothing to do for us, as with -q and -bi. */
  readonly mode: 'message' | 'smtp' | 'queue' | 'nothing';
  readonly verbose: boolean;
}

type Draft = { -readonly [Key in keyof SendmailLine]: SendmailLine[Key] };

/** Options that have a value, in what follows the letter or in the next argument. */
const VALUED = 'ABCFLNORVXbefhopr';
/** Of those, they may stand alone too: `-q`, `-q30m`; `-d`, `-d0.1`. */
const GLUED = 'dq';
const ALONE = 'GIUcimntv';

/** Ignored: -A -G -L -U -c -d -e -h -m -n -p, and -o and -O but for `-oi`. Throws a Failure with EX_USAGE. */
export function parseSendmailLine(args: readonly string[]): SendmailLine {
  const line: Draft = { mode: 'message', recipients: [], fromHeader: false, dotEnds: true, verbose: false };
  let at = 0;
  for (; at < args.length && isOption(args[at]); at++) {
    const arg = args[at] as string;
    if (arg === '--') {
      at++;
      break;
    }
    if (takesNext(line, arg, args[at + 1])) at++;
  }
  return { ...line, recipients: args.slice(at) };
}

/** The first that is none ends the options: what follows is an address, whatever it begins with. */
function isOption(arg: string | undefined): boolean {
  return arg !== undefined && arg.length > 1 && arg.startsWith('-');
}

/** Goes through one argument, `-ti` or `-fann@example.com`; true when it needed the next one for its value. */
function takesNext(line: Draft, arg: string, next: string | undefined): boolean {
  for (let i = 1; i < arg.length; i++) {
    const letter = arg[i] as string;
    const rest = arg.slice(i + 1);
    if (VALUED.includes(letter)) {
      const value = rest === '' ? next : rest;
      if (value === undefined) throw usage(`-${letter} needs a value`);
      apply(line, letter, value);
      return rest === '';
    }
    if (!GLUED.includes(letter) && !ALONE.includes(letter)) throw usage(`there is no option -${letter}`);
    apply(line, letter, rest);
    if (GLUED.includes(letter)) return false;
  }
  return false;
}

function apply(line: Draft, letter: string, value: string): void {
  const set = SETTERS[letter];
  if (set !== undefined) Object.assign(line, set(value));
}

const SETTERS: Readonly<Record<string, (value: string) => Partial<SendmailLine>>> = {
  t: () => ({ fromHeader: true }),
  i: () => ({ dotEnds: false }),
  v: () => ({ verbose: true }),
  I: () => ({ mode: 'nothing' }),
  q: () => ({ mode: 'nothing' }),
  f: (sender) => ({ sender }),
  r: (sender) => ({ sender }),
  F: (fullName) => ({ fullName }),
  o: (value) => (value.startsWith('i') ? { dotEnds: false } : {}),
  b: (value) => ({ mode: modeOf(value) }),
  B: (value) => ignored(/^(?:7BIT|8BITMIME)$/i.test(value), '-B must be 7BIT or 8BITMIME'),
  C: () => {
    throw usage('-C is not for posthaste: its settings stand in /etc/posthaste or the environment');
  },
  X: () => {
    throw usage('-X is not for posthaste: it writes no log of sessions');
  },
  N: (value) => ({ notify: notifyOf(value) }),
  R: (value) => {
    if (!/^(?:full|hdrs)$/i.test(value)) throw usage('-R must be full or hdrs');
    return { ret: value.toLowerCase() as 'full' | 'hdrs' };
  },
  V: (value) => {
    if (value === '' || value.length > 100) throw usage('-V must have 1 to 100 characters');
    return { envelopeId: value };
  },
};

function ignored(good: boolean, otherwise: string): Record<string, never> {
  if (!good) throw usage(otherwise);
  return {};
}

function modeOf(value: string): SendmailLine['mode'] {
  const modes: Readonly<Record<string, SendmailLine['mode']>> = { m: 'message', s: 'smtp', p: 'queue', i: 'nothing' };
  const mode = modes[value];
  if (mode !== undefined) return mode;
  const advice = value === 'd' || value === 'D' ? ': posthaste serve is the server' : '';
  throw usage(`-b${value} is not for posthaste${advice}`);
}

function notifyOf(value: string): readonly Notify[] {
  const words = value
    .toLowerCase()
    .split(',')
    .map((word) => word.trim());
  if (isNotify(words)) return words;
  throw usage('-N must be never, or some of success, failure and delay with commas between them');
}

function usage(text: string): Failure {
  return new Failure(`${text} (docs: posthaste sendmail --help)`, EXIT.usage);
}
