/** What this process goes by. */
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';

export function configRoutes({ settings }: AdminParts): readonly AnyRoute[] {
  return [
    route({
      method: 'get',
      path: '/config',
      summary: 'The effective settings of this process: what each is, where it came from, and what it means.',
      needs: 'viewer',
      answer: answers.settings,
      run: () => ({ settings: settings().map((each) => ({ ...each, parts: [...each.parts] })) }),
    }),
  ];
}
