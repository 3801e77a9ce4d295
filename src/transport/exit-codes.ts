/** What the exit code of a command means for mail: the codes of sysexits.h, as mail programs have used them for decades. */
import type { Outcome, Scope } from '../mail/outcome.ts';
import { type Reply, replyFromLines } from '../mail/reply.ts';

interface Meaning {
  readonly kind: 'deferred' | 'refused';
  readonly status: string;
  readonly text: string;
  /** For `deferred`. Default: the message. */
  readonly scope?: Scope;
}

/**
 * As pipe(8) of Postfix has them, but for those that blame the command's own machine or settings: 70, 71, 72, 74 and 78. Postfix
 * returns the mail for most of these; here it waits, because a relay's fault ends no delivery.
 */
const MEANINGS: Readonly<Record<number, Meaning>> = {
  64: { kind: 'refused', status: '5.3.0', text: 'command line usage error' },
  65: { kind: 'refused', status: '5.6.0', text: 'data format error' },
  66: { kind: 'refused', status: '5.3.0', text: 'cannot open input' },
  67: { kind: 'refused', status: '5.1.1', text: 'user unknown' },
  68: { kind: 'refused', status: '5.1.2', text: 'host name unknown' },
  69: { kind: 'refused', status: '5.3.0', text: 'service unavailable' },
  70: { kind: 'deferred', status: '4.3.0', text: 'internal software error' },
  71: { kind: 'deferred', status: '4.3.0', text: 'system resource problem', scope: 'relay' },
  72: { kind: 'deferred', status: '4.3.0', text: 'critical OS file missing', scope: 'relay' },
  73: { kind: 'refused', status: '5.2.0', text: "can't create user output file" },
  74: { kind: 'deferred', status: '4.3.0', text: 'input/output error' },
  75: { kind: 'deferred', status: '4.3.0', text: 'temporary failure' },
  76: { kind: 'refused', status: '5.5.0', text: 'remote error in protocol' },
  77: { kind: 'refused', status: '5.7.0', text: 'permission denied' },
  78: { kind: 'deferred', status: '4.3.5', text: 'local configuration error', scope: 'relay' },
};

/**
 * An exit code other than 0, with what the command said. What it says may begin with an enhanced status, `4.2.2 mailbox full`,
 * which then counts more than the code. A code that is not in the table means deferred.
 */
export function exitOutcome(code: number, output: string, scope: 'message' | 'recipient'): Outcome {
  const said = statedReply(output);
  const meaning = MEANINGS[code] ?? { kind: 'deferred', status: '4.3.0', text: `exit code ${code}` };
  if (said?.code === 450) return { kind: 'deferred', scope, reply: said, inDoubt: false };
  if (said?.code === 550) return { kind: 'refused', scope, reply: said };
  const text = output === '' ? meaning.text : `${meaning.text}: ${output}`;
  const reply = { code: meaning.kind === 'refused' ? 550 : 450, status: meaning.status, text, ours: true } as const;
  if (meaning.kind === 'refused') return { kind: 'refused', scope, reply };
  return { kind: 'deferred', scope: meaning.scope ?? scope, reply, inDoubt: false };
}

function statedReply(output: string): Reply | undefined {
  const klass = /^([45])\.\d{1,3}\.\d{1,3}(?: |$)/m.exec(output.split('\n')[0] ?? '')?.[1];
  // Its code is our word, and no server said any of it.
  return klass === undefined
    ? undefined
    : { ...replyFromLines(klass === '4' ? 450 : 550, output.split('\n', 1)), ours: true };
}
