/** The deliveries that a filter names, page by page. */
import type { Filter, Listed } from '../queue/store.ts';
import type { App } from './context.ts';

const PAGE = 500;

/** Newest message first. */
export async function* rowsOf(
  app: App,
  filter: Filter,
  limit: number = Number.POSITIVE_INFINITY,
): AsyncGenerator<Listed, void> {
  let left = limit;
  let cursor: string | undefined;
  while (left > 0) {
    const page = await app.queue.find(filter, { limit: Math.min(PAGE, left), ...(cursor !== undefined && { cursor }) });
    yield* page.rows;
    left -= page.rows.length;
    if (page.cursor === null) return;
    cursor = page.cursor;
  }
}
