/** Many messages at once: a window of them under way, so that they share transactions while memory stays bounded. */
import { checkOptions, PosthasteError, shown } from '../errors.ts';
import type { QueuedInfo } from '../submission/nodemailer.ts';
import { checkMail, type Mail } from './mail.ts';
import { detailsOf, type SubmitOptions } from './submit-options.ts';

/** A message, alone or with what it asks of the queue. */
export type Submission = Mail | readonly [mail: Mail, options?: SubmitOptions];

/** How `submitAll` goes about it, and what all of its messages ask, `transaction` too: what a message asks for itself comes before that. */
export interface SubmitAllOptions extends SubmitOptions {
  /** Messages under way at once: that many contents are in memory, and may share a transaction. Default 100. */
  readonly batchSize?: number;
}

/** What became of one of many; `index` counts from 0. */
export type SubmitResult =
  | { readonly index: number; readonly ok: true; readonly info: QueuedInfo }
  | { readonly index: number; readonly ok: false; readonly error: Error };

type Submit = (mail: Mail, options?: SubmitOptions) => Promise<QueuedInfo>;

const BATCH_SIZE = 100;

/** Results in the order of the messages. What `source` throws comes after the results of what it gave before. */
export async function* submitEach(
  submit: Submit,
  source: Iterable<Submission> | AsyncIterable<Submission>,
  options: SubmitAllOptions = {},
): AsyncGenerator<SubmitResult, void> {
  checkSource(source);
  checkOptions(options);
  const { batchSize, ...shared } = options;
  const limit = batchSizeOf(batchSize);
  // What is wrong for all of them is told once, before the first is kept.
  detailsOf(shared);
  const underWay: Promise<SubmitResult>[] = [];
  let index = 0;
  let failure: { readonly error: unknown } | undefined;
  try {
    try {
      for await (const submission of source) {
        underWay.push(submitOne(submit, submission, shared, index++));
        if (underWay.length >= limit) yield (await underWay.shift()) as SubmitResult;
      }
    } catch (error) {
      failure = { error };
    }
    while (underWay.length > 0) yield (await underWay.shift()) as SubmitResult;
  } finally {
    // One who stops listening is not to find messages kept later.
    await Promise.all(underWay);
  }
  if (failure !== undefined) throw failure.error;
}

/** Never rejects: one that fails, fails alone. */
async function submitOne(
  submit: Submit,
  submission: Submission,
  shared: SubmitOptions,
  index: number,
): Promise<SubmitResult> {
  try {
    const [mail, own] = isPair(submission) ? submission : [submission];
    checkMail(mail);
    return { index, ok: true, info: await submit(mail, { ...shared, ...own }) };
  } catch (error) {
    return { index, ok: false, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function isPair(submission: Submission): submission is readonly [mail: Mail, options?: SubmitOptions] {
  return Array.isArray(submission);
}

function checkSource(source: unknown): void {
  if (typeof source === 'object' && source !== null && (Symbol.iterator in source || Symbol.asyncIterator in source))
    return;
  throw new PosthasteError(
    'OPTION_INVALID',
    `${shown(source)} is no list of messages: give an array, or any iterable.`,
  );
}

function batchSizeOf(batchSize = BATCH_SIZE): number {
  if (Number.isSafeInteger(batchSize) && batchSize >= 1) return batchSize;
  throw new PosthasteError('OPTION_INVALID', `batchSize is ${shown(batchSize)}: give a whole number from 1.`);
}

/** Counts what was kept. Throws SOME_NOT_KEPT with all errors as its cause when any was not. */
export async function countKept(results: AsyncIterable<SubmitResult>): Promise<number> {
  let kept = 0;
  const failed: Extract<SubmitResult, { ok: false }>[] = [];
  for await (const result of results) {
    if (result.ok) kept++;
    else failed.push(result);
  }
  const [first] = failed;
  if (first === undefined) return kept;
  const words = `${failed.length} of ${kept + failed.length} messages were not kept, first number ${first.index + 1}`;
  const cause = new AggregateError(failed.map(({ error }) => error));
  throw new PosthasteError('SOME_NOT_KEPT', `${words}: ${first.error.message}`, { cause });
}
