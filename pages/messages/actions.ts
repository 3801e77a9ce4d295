/** What is done to messages, said in a note, with a way back where there is one. */
import { useQueryClient } from '@tanstack/react-query';
import { post, sentenceOf } from '../api/client.ts';
import type { IconName } from '../design/icon.tsx';
import { useToasts } from '../design/toast.tsx';
import { counted } from '../format/number.ts';
import { actionFilterOf, type Filter } from './filter.ts';
import { markRows } from './rows.ts';

export interface Action {
  readonly name: 'retry' | 'hold' | 'release' | 'cancel';
  readonly label: string;
  readonly key: string;
  readonly icon: IconName;
  /** As in "Held 3 deliveries". */
  readonly done: string;
  /** Said where it fitted nothing. */
  readonly nothing: string;
  readonly undo?: 'hold' | 'release';
  /** What a question before it says. */
  readonly warning?: string;
}

export const ACTIONS: readonly Action[] = [
  {
    name: 'retry',
    label: 'Retry',
    key: 'r',
    icon: 'retry',
    done: 'Due at once:',
    nothing: 'Nothing to retry: what is held must be released, and what was sent stays sent.',
  },
  {
    name: 'hold',
    label: 'Hold',
    key: 'h',
    icon: 'hold',
    done: 'Held',
    nothing: 'Nothing to hold: only what waits can be held.',
    undo: 'release',
  },
  {
    name: 'release',
    label: 'Release',
    key: 'u',
    icon: 'release',
    done: 'Released',
    nothing: 'Nothing to release: none of it is held.',
    undo: 'hold',
  },
  {
    name: 'cancel',
    label: 'Cancel',
    key: '#',
    icon: 'cancel',
    done: 'Cancelled',
    nothing: 'Nothing to cancel: only what waits or is held can be cancelled.',
    warning:
      'It is taken out of the queue without being sent, and nobody is told. A retry of a message brings it back.',
  },
];

export function actionNamed(name: Action['name']): Action {
  return ACTIONS.find((action) => action.name === name) as Action;
}

/** Messages by their ids, or all that a filter finds; `countedAt`: that it found then, by the clock of the server. */
export type Chosen =
  | { readonly ids: readonly string[] }
  | { readonly filter: Filter; readonly countedAt?: number | undefined };

/** Ids in one request. */
const MOST = 5_000;

/** What waits is tried meanwhile and still meant; to other states deliveries come only by what happened since. */
function asOf(name: string, { state }: Filter, countedAt: number): object {
  const states = state ?? (name === 'release' ? 'held' : 'queued');
  return states.split(',').includes('queued') ? { createdBefore: countedAt } : { changedBefore: countedAt };
}

function bodies(name: string, chosen: Chosen): readonly object[] {
  if ('filter' in chosen) {
    const { countedAt } = chosen;
    const bound = countedAt === undefined ? {} : asOf(name, chosen.filter, countedAt);
    const filter = { ...bound, ...actionFilterOf(chosen.filter) };
    return [Object.keys(filter).length === 0 ? { all: true } : { filter }];
  }
  const parts = Math.ceil(chosen.ids.length / MOST);
  return Array.from({ length: parts }, (_, i) => ({ ids: chosen.ids.slice(i * MOST, (i + 1) * MOST) }));
}

interface Done {
  /** Deliveries. */
  readonly count: number;
  readonly at: number;
}

/** `dryRun` only counts. Throws ApiError. */
export async function act(name: string, chosen: Chosen, dryRun = false): Promise<Done> {
  const done: Done[] = [];
  for (const body of bodies(name, chosen)) done.push(await post<Done>(`/messages/${name}`, { ...body, dryRun }));
  return { count: done.reduce((sum, { count }) => sum + count, 0), at: Math.min(...done.map(({ at }) => at)) };
}

/** Does it and says so; `listed` is the list in which it is shown. */
export function useAct(listed: Filter): (action: Action, chosen: Chosen) => Promise<void> {
  const client = useQueryClient();
  const { show } = useToasts();
  const settle = (name: string, chosen: Chosen): void => {
    if ('ids' in chosen) markRows(client, listed, name, new Set(chosen.ids));
    else void client.resetQueries({ queryKey: ['messages'] });
    for (const key of ['count', 'message', 'status']) void client.invalidateQueries({ queryKey: [key] });
  };
  const run = async (action: Action, chosen: Chosen): Promise<void> => {
    try {
      const back = action.undo;
      // What was so before would be undone with it.
      const canUndo = back !== undefined && 'ids' in chosen && (await act(back, chosen, true)).count === 0;
      const { count } = await act(action.name, chosen);
      settle(action.name, chosen);
      show({
        text: count === 0 ? action.nothing : `${action.done} ${counted(count, 'delivery', 'deliveries')}.`,
        ...(canUndo && count > 0 && { undo: () => run(actionNamed(back), chosen) }),
      });
    } catch (error) {
      show({ text: sentenceOf(error), tone: 'bad' });
    }
  };
  return run;
}
