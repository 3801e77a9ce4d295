/** What the composition root offers, in the form that commands use. */
import type { App } from '../app/open.ts';
import { processUser } from '../app/process-user.ts';
import type { LoginReport } from '../app/ways-out.ts';
import type { Config } from '../config/settings.ts';
import type { Envelope } from '../mail/envelope.ts';
import { type Reply, showReply } from '../mail/reply.ts';
import type { Id } from '../runtime/id.ts';
import type { EndingLog } from '../runtime/log-output.ts';
import type { SubmissionDetails } from '../submission/intake.ts';
import type { Rejection } from '../submission/rejections.ts';
import type { Program, RelayCheck } from './context.ts';
import { EXIT, Failure } from './failure.ts';
import { logStrayErrors } from './stray-errors.ts';

/** Longer than a relay that lives takes to answer; nobody waits the RFC's five minutes before a terminal. */
const CHECK_TIMEOUT = 30_000;

/**
 * Each part is loaded when it is wanted: a command that only looks at the queue starts in half the time that it would take with
 * the servers, the log and the transports in tow.
 */
export const program: Program = {
  async copyQueue(request) {
    return (await import('../app/copy.ts')).copyBetween(request);
  },

  async checks() {
    const { serverChecks } = await import('./server-checks.ts');
    return serverChecks;
  },

  async openApp(config) {
    const { openApp } = await import('../app/open.ts');
    const opened = await openApp(config, undefined, { here: true });
    const operator = opened.operator({ name: processUser(), role: 'command', from: null });
    return { ...opened, operator, submit: (envelope, content, details) => submit(opened, envelope, content, details) };
  },

  async createServer(loaded, role) {
    const [{ Server }, log] = await Promise.all([import('../app/server.ts'), logOf(loaded.config)]);
    const server = new Server(loaded, role, log);
    return {
      start: () => server.start(),
      stop: () => server.stop(),
      written: () => log.written(),
      flush: () => log.flush(),
    };
  },

  async workOnce(config) {
    const [{ workOnce }, log] = await Promise.all([import('../app/server.ts'), logOf(config)]);
    try {
      return (await workOnce(config, log)) !== null;
    } finally {
      await log.written();
      log.flush();
    }
  },

  async spaceProblem(config) {
    return (await import('../app/space.ts')).spaceProblem(config);
  },

  async space(config) {
    return (await import('../app/space.ts')).spaceOf(config);
  },

  async damage(config) {
    return (await import('../app/damage.ts')).damageOf(config);
  },

  async workers({ database }) {
    return (await import('../app/working.ts')).workersOn(database);
  },

  async checkDkim(config) {
    if (config.dkim.length === 0) return [];
    return (await import('../app/signing.ts')).checkKeys(config);
  },

  async checkRelay(config, relay) {
    const { checkRelay } = await import('../app/ways-out.ts');
    const reports = await checkRelay(relay, config, CHECK_TIMEOUT);
    if (reports === null) return [{ sender: null, ok: true, text: 'is no SMTP server; posthaste serve tries it' }];
    const untried = Object.keys(relay.logins).filter((sender) => !reports.some((report) => report.sender === sender));
    return [
      ...reports.map(sentenceOf),
      ...untried.map((sender) => ({ sender, ok: false, text: 'was not tried: the relay does not answer' })),
    ];
  },
};

/** For the processes that deliver. */
async function logOf({ logLevel, logFormat }: Config): Promise<EndingLog> {
  const { openLog } = await import('../runtime/log-output.ts');
  const format = logFormat === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : logFormat;
  const log = await openLog({ level: logLevel, format });
  logStrayErrors(log);
  return log;
}

async function submit(
  { queue, config }: App,
  envelope: Envelope,
  content: Uint8Array,
  details: SubmissionDetails = {},
): Promise<Id> {
  const [{ envelopeRejection }, { Intake }, { isRejection }, { systemClock }, { silentLog }, { routedHeaders }] =
    await Promise.all([
      import('../submission/accept.ts'),
      import('../submission/intake.ts'),
      import('../submission/rejections.ts'),
      import('../runtime/clock.ts'),
      import('../runtime/log.ts'),
      import('../queue/route.ts'),
    ]);
  const fault = envelopeRejection(envelope, config);
  if (fault !== undefined) throw refused(fault);
  const context = {
    queue,
    clock: systemClock,
    log: silentLog,
    hostname: config.hostname,
    limits: config,
    bareLf: config.bareLf,
    routedHeaders: routedHeaders(config.routes),
    signer: await (await import('../app/signing.ts')).openDkim(config),
  };
  const intake = new Intake(context, { envelope, origin: 'sendmail', from: null, details });
  await intake.write(Buffer.from(content));
  const result = await intake.finish();
  if (isRejection(result)) throw refused(result, intake.failure);
  return result.id;
}

/** `cause`: what the store said. */
function refused(rejection: Rejection, cause?: unknown): Failure {
  const why = cause instanceof Error ? `\n${cause.message}` : '';
  return new Failure(`the message is refused: ${showReply(rejection)}${why}`, EXIT.failure, { cause });
}

const LATE = `no answer within ${CHECK_TIMEOUT / 1_000} s: check host and port, and whether a firewall is in the way`;

/** Faults of the network are our own words and say what to do (451); what the server says is often short. */
function adviceOn({ code }: Reply): string {
  if (code === 451) return '';
  return `; ${code === 535 ? 'correct user and password, or ' : ''}ask posthaste explain "${code} ..." what it means`;
}

function sentenceOf({ sender, ok, host, tls, login, error }: LoginReport): RelayCheck {
  if (!ok) return { sender, ok, text: `${host}: ${error === null ? LATE : `${showReply(error)}${adviceOn(error)}`}` };
  const secured =
    tls === null
      ? 'not encrypted'
      : `${tls.protocol}${tls.authorized ? ', certificate verified' : ', certificate not verified'}`;
  return {
    sender,
    ok,
    text: `${host} answers, ${secured}, ${login === null ? 'no login' : `logged in with ${login}`}`,
  };
}
