/** What the composition root offers, in the form that commands use. */
import * as app from '../app.ts';
import { type Check, type Complaint, complain, type Loaded } from '../config/load.ts';
import type { Config, SettingName } from '../config/settings.ts';
import type { Envelope } from '../mail/envelope.ts';
import { showReply } from '../mail/reply.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Id } from '../runtime/id.ts';
import { type Log, openLog, silentLog } from '../runtime/log.ts';
import { envelopeRejection } from '../submission/accept.ts';
import { Intake } from '../submission/intake.ts';
import { isRejection, type Rejection } from '../submission/rejections.ts';
import { bindingFault } from '../submission/smtp/clients.ts';
import { authenticator } from '../submission/smtp/users.ts';
import { parseRelayUrl } from '../transport/smtp/url.ts';
import type { Program, RelayCheck } from './context.ts';
import { EXIT, Failure } from './failure.ts';

/** Longer than a relay that lives takes to answer; nobody waits the RFC's five minutes before a terminal. */
const CHECK_TIMEOUT = 30_000;

/** Parts that refuse a setting at the start say so here, before anything is opened. */
const checks: readonly Check[] = [
  (loaded) => faultOf(loaded, 'relay', ({ relay }) => relay !== null && parseRelayUrl(relay)),
  (loaded) => faultOf(loaded, 'users', ({ users }) => authenticator(users)),
  (loaded) => {
    const { listen, users, tlsCert, clients } = loaded.config;
    const fault = bindingFault(listen, users.length > 0, tlsCert !== null, clients);
    return fault === undefined ? [] : [complain(loaded, 'listen', fault)];
  },
];

function faultOf(loaded: Loaded, name: SettingName, read: (config: Config) => unknown): readonly Complaint[] {
  try {
    read(loaded.config);
    return [];
  } catch (error) {
    return [complain(loaded, name, error instanceof Error ? error.message : String(error))];
  }
}

export const program: Program = {
  checks,

  async openApp(config) {
    const opened = await app.openApp(config);
    return { ...opened, submit: (envelope, content) => submit(opened, envelope, content) };
  },

  createServer(config, role) {
    const log = logOf(config);
    const server = new app.Server(config, role, log);
    return { start: () => server.start(), stop: () => server.stop(), flush: () => log.flush() };
  },

  async workOnce(config) {
    const log = logOf(config);
    await app.workOnce(config, log).finally(() => log.flush());
  },

  async checkRelay(config) {
    const report = await app.checkRelay(config, AbortSignal.timeout(CHECK_TIMEOUT));
    return report === null ? { ok: true, text: 'none is set' } : sentenceOf(report);
  },
};

function logOf({ logLevel, logFormat }: Config): Log & { flush(): void } {
  const format = logFormat === 'auto' ? (process.stdout.isTTY ? 'pretty' : 'json') : logFormat;
  return openLog({ level: logLevel, format });
}

async function submit({ queue, config }: app.App, envelope: Envelope, content: Uint8Array): Promise<Id> {
  const fault = envelopeRejection(envelope, config);
  if (fault !== undefined) throw refused(fault);
  const context = {
    queue,
    clock: systemClock,
    log: silentLog,
    hostname: config.hostname,
    limits: config,
    bareLf: config.bareLf,
  };
  const intake = new Intake(context, { envelope, origin: 'sendmail', from: null });
  await intake.write(Buffer.from(content));
  const result = await intake.finish();
  if (isRejection(result)) throw refused(result);
  return result.id;
}

function refused(rejection: Rejection): Failure {
  return new Failure(`the message is refused: ${showReply(rejection)}`, EXIT.failure);
}

function sentenceOf({
  ok,
  host,
  tls,
  login,
  error,
}: NonNullable<Awaited<ReturnType<typeof app.checkRelay>>>): RelayCheck {
  if (!ok)
    return {
      ok,
      text: `${host}: ${error === null ? `no answer within ${CHECK_TIMEOUT / 1_000} s` : showReply(error)}`,
    };
  const secured =
    tls === null
      ? 'not encrypted'
      : `${tls.protocol}${tls.authorized ? ', certificate verified' : ', certificate not verified'}`;
  return { ok, text: `${host} answers, ${secured}, ${login === null ? 'no login' : `logged in with ${login}`}` };
}
