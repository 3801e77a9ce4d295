/**
 * Parts of a transaction as the statements they need, one after the other: carried out by a connection that answers later, and by
 * one that answers at once, as an application's own SQLite database does inside its own synchronous transaction.
 */
import type { Queries, Result, Value } from './database.ts';

export interface Statement {
  readonly sql: string;
  readonly values: readonly Value[];
}

/** Yields statements, is given their results, or the errors of those that failed, and returns what came of it all. */
export type Steps<T> = Generator<Statement, T, Result>;

/** One statement as a step: `const { rows } = yield* ask(...)`. */
export function* ask(sql: string, values: readonly Value[] = []): Steps<Result> {
  return yield { sql, values };
}

export async function carryOut<T>(tx: Queries, steps: Steps<T>): Promise<T> {
  let step = steps.next();
  while (!step.done) {
    let result: Result;
    try {
      result = await tx.query(step.value.sql, step.value.values);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(result);
  }
  return step.value;
}

/** A connection that answers at once. */
export interface SyncQueries {
  run(sql: string, values: readonly Value[]): Result;
}

export function carryOutSync<T>(tx: SyncQueries, steps: Steps<T>): T {
  let step = steps.next();
  while (!step.done) {
    let result: Result;
    try {
      result = tx.run(step.value.sql, step.value.values);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    step = steps.next(result);
  }
  return step.value;
}
