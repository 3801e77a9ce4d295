/** Tracing as every part sees it: spans around work, and a context that goes with a message from process to process. */

/** The context of a trace in the words of W3C Trace Context. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** By the semantic conventions of OpenTelemetry; never addresses, subjects or what a remote said. */
export type TraceAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  /** One of few: what varies goes into the attributes. */
  readonly name: string;
  readonly attributes: TraceAttributes;
}

/** What came of a span. `error`: its class, one of few, where it failed. */
export interface SpanEnd {
  readonly attributes: TraceAttributes;
  readonly error?: string;
}

export interface Span {
  /** What those who work on this later are given; null: nobody traces. */
  readonly context: TraceContext | null;
  /** Ends it now; further ends change nothing. */
  end(end: SpanEnd): void;
}

/** Spans end with their work at the latest, with the code or name of its error where it throws. */
export interface Tracing {
  /** For what is handed to a queue, below whatever the caller does now. */
  produce<T>(start: SpanStart, work: (span: Span) => Promise<T>): Promise<T>;
  /** For what comes out of a queue, below who put it in. null: a trace of its own. */
  consume<T>(start: SpanStart, parent: TraceContext | null, work: (span: Span) => Promise<T>): Promise<T>;
}

const noSpan: Span = { context: null, end() {} };

export const noTracing: Tracing = {
  produce: (_, work) => work(noSpan),
  consume: (_, __, work) => work(noSpan),
};
