/** Tracing by OpenTelemetry. Loaded only where a tracer provider is registered: its package is the application's. */
import {
  type Span as ApiSpan,
  type Context,
  context as contexts,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { Span, SpanEnd, SpanStart, TraceContext, Tracing } from './tracing.ts';

export class OpenTelemetry implements Tracing {
  readonly #tracer: Tracer;

  /** `registered`: the tracer provider that is to be met. Throws where this copy of the package is too new to know it. */
  constructor(version: string, registered: unknown) {
    if (trace.getTracerProvider() !== registered)
      throw new Error('the tracer provider was registered with an older version of @opentelemetry/api');
    this.#tracer = trace.getTracer('posthaste', version);
  }

  produce<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T> {
    return this.#run(start, SpanKind.PRODUCER, contexts.active(), work);
  }

  /** What happens to be active is of another message: work of many comes in one call. */
  consume<T>(start: SpanStart, parent: TraceContext | null, work: (span: Span) => Promise<T>): Promise<T> {
    return this.#run(start, SpanKind.CONSUMER, contextOf(parent), work);
  }

  async #run<T>(
    { name, attributes }: SpanStart,
    kind: SpanKind,
    parent: Context,
    work: (span: Span) => Promise<T>,
  ): Promise<T> {
    const span = this.#tracer.startSpan(name, { kind, attributes: { ...attributes } }, parent);
    const own = new OwnSpan(span);
    try {
      return await contexts.with(trace.setSpan(parent, span), () => work(own));
    } catch (error) {
      own.end({ attributes: {}, error: classOf(error) });
      throw error;
    } finally {
      own.end({ attributes: {} });
    }
  }
}

class OwnSpan implements Span {
  readonly context: TraceContext | null;
  readonly #span: ApiSpan;
  #ended = false;

  constructor(span: ApiSpan) {
    this.#span = span;
    this.context = written(span.spanContext());
  }

  end({ attributes, error }: SpanEnd): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#span.setAttributes({ ...attributes, ...(error !== undefined && { 'error.type': error }) });
    if (error !== undefined) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#span.end();
  }
}

/** Its text may name addresses. */
function classOf(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** Version 00 (W3C Trace Context 3.2). */
function written(span: SpanContext): TraceContext | null {
  if (!isSpanContextValid(span)) return null;
  const flags = span.traceFlags.toString(16).padStart(2, '0');
  const tracestate = span.traceState?.serialize();
  return { traceparent: `00-${span.traceId}-${span.spanId}-${flags}`, ...(tracestate && { tracestate }) };
}

/** Only ever what `written` wrote; anything else begins a trace of its own. */
function contextOf(written: TraceContext | null): Context {
  const [, traceId, spanId, flags] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(written?.traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return ROOT_CONTEXT;
  const traceState = written?.tracestate === undefined ? undefined : createTraceState(written.tracestate);
  const traceFlags = Number.parseInt(flags, 16);
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags,
    isRemote: true,
    ...(traceState && { traceState }),
  });
}
