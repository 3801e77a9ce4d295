/** Who traces: the application's OpenTelemetry where it has one, else nobody. */
import type { Log } from '../runtime/log.ts';
import { noTracing, type Tracing } from '../runtime/tracing.ts';
import { packageVersion } from './version.ts';

/** Where every copy of `@opentelemetry/api` 1.x in a process keeps what was registered with any of them. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1');

/** Traces where a tracer provider was registered in this process before this call; else nothing is loaded. */
export async function openTracing(log: Log): Promise<Tracing> {
  const registered = (globalThis as { [REGISTERED]?: { readonly trace?: unknown } })[REGISTERED];
  if (registered?.trace === undefined) return noTracing;
  try {
    const { OpenTelemetry } = await import('../runtime/opentelemetry.ts');
    return new OpenTelemetry(packageVersion(), registered.trace);
  } catch (error) {
    log.warn(
      { err: error },
      'nothing is traced: install the same @opentelemetry/api beside posthaste as beside the tracer provider',
    );
    return noTracing;
  }
}
