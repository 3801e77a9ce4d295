/** What is submitted in this process, without SMTP, is taken in by this. */
import { routedHeaders } from '../queue/route.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Signer } from '../submission/dkim.ts';
import type { IntakeContext } from '../submission/intake.ts';
import type { App } from './open.ts';

export function intakeContext({ config, queue }: App, log: Log, signer: Signer | undefined): IntakeContext {
  return {
    queue,
    clock: systemClock,
    log,
    hostname: config.hostname,
    limits: config,
    // What composes in this process cannot smuggle anything past itself.
    bareLf: 'normalise',
    routedHeaders: routedHeaders(config.routes),
    signer,
  };
}
