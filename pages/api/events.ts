/** What happens in the queue while somebody looks: one stream for all parts of the pages. */
import { useEffect, useEffectEvent, useSyncExternalStore } from 'react';
import type { ListedRow } from '../../src/admin/answers.ts';
import { apiUrl } from './client.ts';

const DELIVERY_EVENTS = [
  'submitted',
  'sent',
  'captured',
  'deferred',
  'inDoubt',
  'held',
  'bounced',
  'suppressed',
  'cancelled',
] as const;

export type QueueEvent =
  | {
      readonly type: (typeof DELIVERY_EVENTS)[number];
      readonly at: number;
      readonly key: string;
      readonly delivery: ListedRow;
    }
  | { readonly type: 'relay'; readonly at: number; readonly change: string; readonly relay: string };

/** `off`: nobody looks. `lost`: it is being tried again. */
export type StreamState = 'off' | 'opening' | 'open' | 'lost';

/** Who was away for longer asks for what is shown again, ms: to be told of all that happened meanwhile would take longer. */
const FAR = 10 * 60_000;

/** Before a stream that was refused is asked for again, ms. */
const PATIENCE = 5_000;

type Listener = (event: QueueEvent) => void;

/**
 * Open while somebody listens and the page is seen: a browser has six connections to a server over HTTP/1.1, and each of its tabs
 * that kept a stream would hold one. What happened meanwhile is asked for by the last id, which the stream has from its begin on.
 */
class EventStream {
  readonly #listeners = new Set<Listener>();
  readonly #watchers = new Set<() => void>();
  #source: EventSource | undefined;
  #retry: number | undefined;
  #lastId = '';
  /** When that was. */
  #lastAt = 0;
  #isBehind = false;
  #state: StreamState = 'off';

  constructor() {
    document.addEventListener('visibilitychange', () => this.#adjust());
  }

  readonly listen = (listener: Listener): (() => void) => {
    this.#listeners.add(listener);
    this.#adjust();
    return () => {
      this.#listeners.delete(listener);
      this.#adjust();
    };
  };

  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  };

  /** What is called when events were missed, and will not come. */
  whenBehind: () => void = () => undefined;

  readonly state = (): StreamState => this.#state;

  #adjust(): void {
    const wanted = this.#listeners.size > 0 && !document.hidden;
    if (wanted && this.#source === undefined) this.#open();
    if (!wanted) this.#close();
  }

  #open(): void {
    clearTimeout(this.#retry);
    if (this.#lastId !== '' && Date.now() - this.#lastAt > FAR) {
      this.#lastId = '';
      this.#isBehind = true;
    }
    const source = new EventSource(apiUrl('/events', { after: this.#lastId }));
    this.#source = source;
    this.#become('opening');
    source.onopen = () => this.#become('open');
    source.onerror = () => {
      this.#become('lost');
      this.#isBehind ||= this.#lastId === '';
      // The browser comes back by itself, but for a stream that was refused.
      if (source.readyState !== EventSource.CLOSED) return;
      this.#source = undefined;
      this.#retry = setTimeout(() => this.#adjust(), PATIENCE) as unknown as number;
    };
    source.addEventListener('position', ({ lastEventId }) => this.#note(lastEventId));
    for (const type of [...DELIVERY_EVENTS, 'relay'] as const)
      source.addEventListener(type, (message) => this.#tell(type, message as MessageEvent<string>));
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = undefined;
    this.#become('off');
  }

  #tell(type: QueueEvent['type'], { data, lastEventId }: MessageEvent<string>): void {
    this.#note(lastEventId);
    const event = { type, ...(JSON.parse(data) as object) } as QueueEvent;
    for (const listener of this.#listeners) listener(event);
  }

  #note(id: string): void {
    this.#lastId = id || this.#lastId;
    this.#lastAt = Date.now();
    // Not before the stream is there: what happens from now on is told.
    if (this.#isBehind) this.whenBehind();
    this.#isBehind = false;
  }

  #become(state: StreamState): void {
    this.#state = state;
    for (const changed of this.#watchers) changed();
  }
}

const stream = new EventStream();

/** Says what to do when events were missed, and will not come. */
export function onMissedEvents(ask: () => void): void {
  stream.whenBehind = ask;
}

/** Calls with each thing that happens, while the component is shown. */
export function useEvents(listener: Listener): void {
  const latest = useEffectEvent(listener);
  useEffect(() => stream.listen((event) => latest(event)), []);
}

export function useStreamState(): StreamState {
  return useSyncExternalStore(stream.watch, stream.state);
}
