/** The way out into a program: its standard input is the message, its exit code the outcome, what it prints the reply. No shell. */
import { spawn } from 'node:child_process';
import { PosthasteError } from '../errors.ts';
import type { Envelope } from '../mail/envelope.ts';
import type { Outcome } from '../mail/outcome.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { classify } from './classify.ts';
import { exitOutcome } from './exit-codes.ts';
import { abortFault, contentFault } from './faults.ts';
import { Program, type Ran } from './program.ts';
import type { Content, Transport } from './transport.ts';

export interface CommandOptions {
  /**
   * Program and arguments. `{sender}` (`<>` for the null sender) and `{recipient}` in an argument are replaced; an argument that is
   * just `{recipients}` becomes one for each. With `{recipient}` the program runs once for each recipient, else once for the message.
   */
  readonly command: readonly string[];
  /** Added to PATH, HOME, LANG and TZ of this process, which is all that the program is given of its environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: that of this process. */
  readonly cwd?: string;
  /** How long it may run, ms, before it is killed. Default 1000 s, as Postfix has it. */
  readonly timeout?: number;
  /** How many may run at once. Default 4. */
  readonly concurrency?: number;
}

const TIMEOUT = 1_000_000;
const ALL = '{recipients}';

export class CommandTransport implements Transport {
  readonly concurrency: number;
  readonly #options: CommandOptions;
  readonly #clock: Clock;

  /** Throws CONFIG_INVALID. */
  constructor(options: CommandOptions, { clock = systemClock }: { readonly clock?: Clock } = {}) {
    const [program = ''] = options.command;
    if (program === '' || program.includes('{'))
      throw new PosthasteError(
        'CONFIG_INVALID',
        'The relay "command:" needs a program: set command, as in ["/usr/bin/program", "{recipient}"].',
      );
    this.#options = options;
    this.#clock = clock;
    this.concurrency = options.concurrency ?? 4;
  }

  async send(envelope: Envelope, content: Content, signal: AbortSignal): Promise<readonly Outcome[]> {
    const { sender, recipients } = envelope;
    const addresses = recipients.map(({ address }) => address);
    const each = this.#options.command.some((argument) => argument.includes('{recipient}'));
    if (!each) {
      const outcome = await this.#run(sender, addresses, content, signal, 'message');
      return recipients.map(() => outcome);
    }
    const outcomes: Outcome[] = [];
    for (const address of addresses) outcomes.push(await this.#deliver(sender, address, content, signal, outcomes));
    return outcomes;
  }

  async close(): Promise<void> {}

  /** A content that cannot be read again must not hide that somebody was sent it. */
  async #deliver(
    sender: string | null,
    recipient: string,
    content: Content,
    signal: AbortSignal,
    before: readonly Outcome[],
  ): Promise<Outcome> {
    try {
      return await this.#run(sender, [recipient], content, signal, 'recipient');
    } catch (error) {
      if (before.length === 0) throw error;
      return { kind: 'deferred', scope: 'message', reply: contentFault(this.#name), inDoubt: false };
    }
  }

  get #name(): string {
    return this.#options.command[0] as string;
  }

  async #run(
    sender: string | null,
    recipients: readonly string[],
    content: Content,
    signal: AbortSignal,
    scope: 'message' | 'recipient',
  ): Promise<Outcome> {
    if (signal.aborted) return classify('lost', abortFault(this.#name));
    const args = this.#arguments(sender, recipients);
    if ('fault' in args) return refusedAddress(args.fault, scope);
    const { cwd, timeout = TIMEOUT } = this.#options;
    // A group of its own, so that what the program started can be ended with it.
    const child = spawn(this.#name, args.values, {
      env: this.#environment(),
      detached: true,
      stdio: 'pipe',
      ...(cwd !== undefined && { cwd }),
    });
    const program = new Program(child, this.#clock, timeout);
    return this.#verdict(await program.run(content, signal), timeout, scope);
  }

  #verdict(ran: Ran, timeout: number, scope: 'message' | 'recipient'): Outcome {
    const { output, fed } = ran;
    const failed = (text: string, way: boolean): Outcome => {
      const said = `${this.#name} ${text}${output === '' ? '' : `: ${output}`}`;
      const reply = { code: 451, status: '4.3.0', text: said, ours: true } as const;
      return { kind: 'deferred', scope: way ? 'relay' : scope, reply, inDoubt: fed && !way };
    };
    if (ran.error !== undefined) return failed(`cannot be started (${ran.error.message})`, true);
    if (ran.ending === 'aborted') return classify('lost', abortFault(this.#name));
    if (ran.ending === 'timeout') return failed(`did not end within ${timeout / 1000} s and was killed`, false);
    if (ran.code === null) return failed(`was ended by ${ran.signal}`, false);
    if (ran.code !== 0) return exitOutcome(ran.code, output, scope);
    return {
      kind: 'sent',
      reply: { code: 250, status: '2.0.0', text: output || `taken by ${this.#name}`, ours: true },
    };
  }

  #arguments(
    sender: string | null,
    recipients: readonly string[],
  ): { readonly values: string[] } | { readonly fault: string } {
    const values: string[] = [];
    let options = true;
    for (const argument of this.#options.command.slice(1)) {
      if (argument === '--') options = false;
      const filled = argument === ALL ? recipients : [fill(argument, sender ?? '<>', recipients[0] ?? '')];
      // An address must not become an option of the program.
      const fault = argument.startsWith('{') && options ? filled.find((value) => value.startsWith('-')) : undefined;
      if (fault !== undefined) return { fault };
      values.push(...filled);
    }
    return { values };
  }

  /** Not ours: it may hold the passwords of relays. */
  #environment(): Record<string, string> {
    const kept = ['PATH', 'HOME', 'LANG', 'TZ'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    return { ...Object.fromEntries(kept), ...this.#options.env };
  }
}

function fill(argument: string, sender: string, recipient: string): string {
  return argument.replace(/\{(sender|recipient)\}/g, (_, name) => (name === 'sender' ? sender : recipient));
}

function refusedAddress(address: string, scope: 'message' | 'recipient'): Outcome {
  const text = `${JSON.stringify(address)} begins with -, and the command would take it for an option; put -- before it`;
  return { kind: 'refused', scope, reply: { code: 553, status: '5.1.3', text, ours: true } };
}
