/** Who I am here, logging in, and logging out. */
import * as z from 'zod';
import type { Access } from './access.ts';
import * as answers from './answers.ts';
import { type AnyRoute, route } from './api.ts';
import type { AdminParts } from './parts.ts';
import { Refusal } from './problem.ts';

function look({ version }: AdminParts, access: Access): AnyRoute {
  return route({
    method: 'get',
    path: '/session',
    summary: 'Who asks, and what they may do.',
    needs: null,
    answer: answers.session,
    async run({ request, peer }) {
      const known = await access.whoIs(request, peer);
      return { name: known?.name ?? null, role: known?.role ?? null, login: access.kind, version };
    },
  });
}

function begin({ version }: AdminParts, access: Access): AnyRoute {
  return route({
    method: 'post',
    path: '/session',
    summary: 'Log in: the answer sets the cookie of a session, which lasts 12 hours.',
    needs: null,
    body: z.strictObject({ name: z.string(), password: z.string() }),
    maxBody: 10_000,
    answer: answers.session,
    async run({ body, request, peer }) {
      if (access.login === undefined) throw new Refusal('NOT_ALLOWED', 'Nobody logs in here.');
      const { who: known, cookie } = await access.login(request, peer, body.name, body.password);
      return Response.json(
        { name: known.name, role: known.role, login: access.kind, version },
        { headers: { 'set-cookie': cookie } },
      );
    },
  });
}

function end(access: Access): AnyRoute {
  return route({
    method: 'delete',
    path: '/session',
    summary: 'Log out.',
    needs: null,
    answer: z.strictObject({}),
    run({ request }) {
      const cookie = access.logout?.(request);
      return Response.json({}, { headers: cookie === undefined ? {} : { 'set-cookie': cookie } });
    },
  });
}

export function sessionRoutes(parts: AdminParts, access: Access): readonly AnyRoute[] {
  return [look(parts, access), begin(parts, access), end(access)];
}
