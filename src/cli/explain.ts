/** `posthaste explain`: what posthaste makes of a reply, and by which rule. */
import { type Command, Option } from 'commander';
import { type RelaySettings, relaysOf } from '../config/relays.ts';
import type { Config } from '../config/settings.ts';
import { type Reply, replyFromLines, showReply } from '../mail/reply.ts';
import { replyView } from '../queue/view.ts';
import { elapsed } from '../runtime/elapsed.ts';
import { type Classified, classify, findRule, RULES, STAGES, type Stage } from '../transport/classify.ts';
import type { Cli } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { addExamples, addSettings } from './options.ts';
import { mustKnow } from './relays.ts';

interface ExplainFlags {
  readonly at?: Stage;
  readonly relay?: string;
  readonly json?: true;
}

interface Explanation {
  /** Where in the dialogue it means this. */
  readonly at: readonly Stage[];
  readonly outcome: Classified;
  readonly reason: string;
}

/** Where a server answers; at the others posthaste itself says what happened. */
const ANSWERED: readonly Stage[] = ['greeting', 'ehlo', 'auth', 'mail', 'rcpt', 'data', 'dot'];

/** Replies with which a dialogue goes on: they are no outcome of anything yet (RFC 5321 4.3.2, RFC 4954 4). */
const GOES_ON: Readonly<Partial<Record<Stage, readonly number[]>>> = {
  greeting: [220],
  ehlo: [250],
  auth: [235, 334],
  mail: [250],
  rcpt: [250, 251],
  data: [354],
};

export function addExplain(program: Command, cli: Cli): void {
  const command = program
    .command('explain <reply>')
    .description("Tell what a relay's reply means to posthaste, by which rule, and what follows; nothing is sent.");
  command.addOption(
    new Option('--at <stage>', 'where in the dialogue it came (default: wherever a relay answers)').choices(STAGES),
  );
  command.option('--relay <name>', 'with the rules of this relay (default: the default relay)');
  command.option('--json', 'one JSON object a line for each meaning');
  addSettings(command);
  addExamples(
    command,
    'explain "550 5.7.30 Basic authentication is not supported"',
    'explain "452 4.2.2 full" --at rcpt',
  );
  command.action(async (text: string, flags: ExplainFlags) => {
    const reply = parseReply(text);
    const { config } = await cli.settings(command, ['relay', 'users']);
    const relay = relayNamed(config, flags.relay);
    const stages = (flags.at === undefined ? ANSWERED : [flags.at]).filter((at) => !GOES_ON[at]?.includes(reply.code));
    if (stages.length === 0) throw new Failure(`at ${flags.at} the dialogue goes on with ${reply.code}`, EXIT.failure);
    const explanations = explain(reply, isFailure(reply) || flags.at !== undefined ? stages : ['dot'], relay);
    for (const explanation of explanations) await tell(cli, config, relay, reply, explanation, flags.json === true);
  });
}

/** As a log or a report shows it: code, enhanced status where there is one, text. */
function parseReply(text: string): Reply {
  const match = /^\s*([2-5]\d\d)(?:[ -]\s*(.*))?$/s.exec(text);
  if (match !== null) return replyFromLines(Number(match[1]), [(match[2] ?? '').trim()]);
  throw new Failure(
    `${JSON.stringify(text)} is no reply: it begins with a code from 200 to 599, as in "550 5.1.1 no such user"`,
    EXIT.usage,
  );
}

function isFailure({ code }: Reply): boolean {
  return code >= 400;
}

/** undefined: the settings at hand tell nothing of it, so it has no rules of its own. */
function relayNamed(config: Config, name: string | undefined): RelaySettings | undefined {
  const relays = relaysOf(config);
  if (name !== undefined) mustKnow(name, [...new Set([config.defaultRelay, ...relays.map((relay) => relay.name)])]);
  return relays.find((relay) => relay.name === (name ?? config.defaultRelay));
}

function explain(reply: Reply, stages: readonly Stage[], relay: RelaySettings | undefined): readonly Explanation[] {
  const rules = [...(relay?.rules ?? []), ...RULES];
  const byRule = Map.groupBy(stages, (stage) => findRule(stage, reply, rules));
  return Array.from(byRule, ([rule, at]) => ({
    at,
    outcome: classify(at[0] as Stage, reply, rules),
    reason: rule.reason,
  }));
}

async function tell(
  { terminal }: Cli,
  config: Config,
  relay: RelaySettings | undefined,
  reply: Reply,
  { at, outcome, reason }: Explanation,
  json: boolean,
): Promise<void> {
  const scope = 'scope' in outcome ? outcome.scope : null;
  const consequence = consequenceOf(outcome, relay?.retry ?? config);
  if (json) {
    const { kind, rule } = outcome;
    return terminal.printJson({ reply: replyView(reply), at, outcome: kind, scope, rule, reason, consequence });
  }
  const whom = scope === null ? '' : `, about the ${scope}`;
  await terminal.print(`${showReply(reply)}  at ${at.join(', ')}`);
  await terminal.print(`  ${terminal.paint('bold', outcome.kind)}${whom} (rule ${outcome.rule})`);
  await terminal.print(`  ${reason}`);
  await terminal.print(`  ${consequence}`);
}

interface Patience {
  readonly maxAge: number;
  readonly maxAttempts: number | null;
}

function consequenceOf(outcome: Classified, patience: Patience): string {
  if (outcome.kind === 'sent') return 'The delivery is sent: it is never offered again.';
  if (outcome.kind === 'captured') return 'The delivery stays here.';
  const whose = outcome.scope === 'recipient' ? 'The delivery' : 'All deliveries of the message that are still open';
  if (outcome.kind === 'refused')
    return outcome.scope === 'recipient'
      ? `${whose} bounces, and the sender gets a report; other recipients are not touched.`
      : `${whose} bounce, and the sender gets a report.`;
  if (outcome.scope === 'relay')
    return `The relay is paused and probed with growing waits, and all its mail waits; no delivery loses an attempt, and only those bounce that reach the age of ${elapsed(patience.maxAge)} (maxAge).`;
  const { maxAge, maxAttempts } = patience;
  const end = `${maxAttempts === null ? '' : `${maxAttempts} attempts or `}${elapsed(maxAge)}`;
  const verbs = outcome.scope === 'recipient' ? ['is tried again', 'bounces'] : ['are tried again', 'bounce'];
  return `${whose} ${verbs[0]} with growing waits, and ${verbs[1]} after ${end}.`;
}
