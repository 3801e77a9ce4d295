/** The programs of docs/examples/ for Node.js: each as its page shows it, on the framework itself, before a relay that takes its mail. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ScriptedRelay, startRelay } from '../relay/scripted.ts';
import { packagesIn } from '../support/packages.ts';
import { cleanEnvironment, type Ran, run } from '../support/posthaste.ts';
import { freePort, listening } from '../support/smtp-sink.ts';
import { filesOf } from './pages.ts';

const FRAMEWORKS = fileURLToPath(new URL('frameworks', import.meta.url));
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
/** An installation of everything, and a build by Next.js. */
const LONG = 300_000;

let there = false;
/** Below the packages, so that programs find them as they would at home. */
let folder: string;
let relay: ScriptedRelay;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  there = await packagesIn(FRAMEWORKS);
}, LONG);

beforeEach(async () => {
  folder = mkdtempSync(join(FRAMEWORKS, 'run-'));
  relay = await startRelay();
  return async () => {
    for (const child of children) child.kill('SIGKILL');
    await relay.close();
    rmSync(folder, { recursive: true, force: true });
  };
});

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
});

/** Writes the files of a page, with others beside them that the page leaves to the reader. */
function unpack(page: string, others: Readonly<Record<string, string>> = {}): void {
  const files = filesOf(`docs/examples/${page}`);
  expect(files.length).toBeGreaterThan(0);
  for (const { path, text } of [...files, ...Object.entries(others).map(([path, text]) => ({ path, text }))]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

function environment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const url = `smtp://127.0.0.1:${relay.port}`;
  return { POSTHASTE_RELAY: url, POSTHASTE_DATA_DIR: join(folder, 'data'), NEXT_TELEMETRY_DISABLED: '1', ...extra };
}

function node(...args: string[]): Promise<Ran> {
  return run(process.execPath, args, { cwd: folder, environment: environment() });
}

/** By TypeScript, as NestJS wants it. */
function compiled(file: string): Promise<Ran> {
  const flags = [
    '--ignoreConfig',
    '--target',
    'es2024',
    '--module',
    'nodenext',
    '--strict',
    '--experimentalDecorators',
    '--skipLibCheck',
  ];
  const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules', '@types')];
  return node(TSC, ...flags, ...types, file);
}

/** Starts a program; `work` gets its address, and its end by SIGTERM must be an orderly one. */
async function serving(args: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
  const port = await freePort();
  const env = cleanEnvironment(
    environment({ PORT: String(port), AUTH_SECRET: 'a secret of the test', ADMIN_TOKEN: 'a token of the test' }),
  );
  const child = spawn(process.execPath, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] });
  children.add(child);
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString();
  });
  await listening(port, child).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${said}`);
  });
  await work(`http://127.0.0.1:${port}`);
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code, signal] = await ended;
  children.delete(child);
  // Next.js ends as a shell says that SIGTERM ended it.
  expect([0, 143, 'SIGTERM']).toContain(code ?? signal);
  expect(said).not.toMatch(/error/i);
}

function post(url: string, body: unknown): Promise<Response> {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

/** The relay gets this many, and the last one says so. */
async function arrived(count: number): Promise<string> {
  await relay.until(() => relay.received.length >= count);
  expect(relay.received).toHaveLength(count);
  return relay.received.at(-1)?.content.toString() ?? '';
}

async function signsUp(url: string, path = '/signup'): Promise<void> {
  const answer = await post(url + path, { email: 'bob@example.org' });
  expect([answer.status, await answer.json()]).toEqual([202, { id: expect.stringMatching(/^[0-9a-f-]{36}$/) }]);
  expect(await arrived(1)).toContain('Good to have you with us.');
  expect(relay.received[0]?.recipients).toEqual(['bob@example.org']);
}

describe('the example for', () => {
  test('a plain script hands over, sends once for each key, and work --once delivers', async (context) => {
    context.skip(!there, 'its packages are not there');
    unpack('script.md');
    const first = await node('invoices.mjs');
    expect([first.code, first.stderr]).toEqual([0, '']);
    expect(first.stdout).toMatch(/^1001 is queued [0-9a-f-]{36}\n1002 is queued [0-9a-f-]{36}\n$/);
    expect((await node('invoices.mjs')).stdout).toMatch(
      /^1001 was there already [0-9a-f-]{36}\n1002 was there already/,
    );
    await node(join(ROOT, 'bin', 'posthaste.js'), 'work', '--once');
    await arrived(2);
  });

  test('Express sends, says what is wrong, and shows what became of it', async (context) => {
    context.skip(!there, 'its packages are not there');
    unpack('express.md');
    await serving(['server.mjs'], async (url) => {
      await signsUp(url);
      const again = await post(`${url}/signup`, { email: 'bob@example.org' });
      const { id } = (await again.json()) as { id: string };
      expect(await (await fetch(`${url}/mail/${id}`)).json()).toMatchObject([{ recipient: 'bob@example.org' }]);
      const wrong = await post(`${url}/signup`, { email: 'bob@example..org' });
      expect([wrong.status, await wrong.json()]).toEqual([400, { error: expect.stringContaining('bob@example..org') }]);
      expect(relay.received).toHaveLength(1);
    });
  });

  test('Fastify sends', async (context) => {
    context.skip(!there, 'its packages are not there');
    unpack('fastify.md');
    await serving(['server.mjs'], (url) => signsUp(url));
  });

  test('NestJS sends, from a provider of a module', async (context) => {
    context.skip(!there, 'its packages are not there');
    unpack('nestjs.md', { 'package.json': '{ "type": "module" }' });
    expect(await compiled('main.ts')).toMatchObject({ code: 0, stdout: '' });
    await serving(['main.js'], (url) => signsUp(url));
  });

  test(
    'Next.js sends from a route handler of a production build',
    async (context) => {
      context.skip(!there, 'its packages are not there');
      const layout = 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n';
      unpack('next.md', { 'app/layout.jsx': layout, 'app/page.jsx': 'export default () => <p>Hello</p>;\n' });
      const next = join(FRAMEWORKS, 'node_modules', 'next', 'dist', 'bin', 'next');
      const built = await node(next, 'build');
      expect(built.code, built.stdout + built.stderr).toBe(0);
      expect(readdirSync(folder)).not.toContain('data');
      await serving([next, 'start'], (url) => signsUp(url, '/api/signup'));
    },
    LONG,
  );

  describe('the pages and the API inside', () => {
    /** With the application's login, without, from another site, and the application's own route beside it. */
    const works = async (url: string, own = '/echo'): Promise<void> => {
      const login = { authorization: 'Bearer a token of the test' };
      const json = { 'content-type': 'application/json' };
      const api = `${url}/mail/api/v1`;
      expect((await fetch(`${api}/status`)).status).toBe(401);
      expect(await (await fetch(`${api}/session`, { headers: login })).json()).toMatchObject({
        name: 'ops',
        login: 'application',
      });
      const body = JSON.stringify({ from: 'app@example.com', to: 'bob@example.org', subject: 'Hi', text: 'x' });
      const kept = await fetch(`${api}/messages`, { method: 'POST', headers: { ...login, ...json }, body });
      expect(kept.status).toBe(201);
      const { id } = (await kept.json()) as { id: string };
      const raw = await fetch(`${api}/messages/${id}/raw`, { headers: login });
      expect(await raw.text()).toMatch(/^Received: [\s\S]*Subject: Hi/);
      const whole = await fetch(`${api}/messages/raw?from=app@example.com&to=bob@example.org`, {
        method: 'POST',
        headers: { ...login, 'content-type': 'message/rfc822' },
        body: 'Subject: Whole\r\n\r\nbody\r\n',
      });
      expect(whole.status).toBe(201);
      const foreign = { ...login, ...json, origin: 'https://evil.example' };
      const attack = await fetch(`${api}/messages/cancel`, { method: 'POST', headers: foreign, body: '{"filter":{}}' });
      expect(attack.status).toBe(403);
      expect((await fetch(`${url}/mail/nothing`, { headers: login })).status).toBe(404);
      expect(await (await post(`${url}${own}`, { email: 'bob@example.org' })).json()).toBeTruthy();
    };

    test.for(['express.mjs', 'fastify.mjs'])('%s', async (program, context) => {
      context.skip(!there, 'its packages are not there');
      unpack('admin.md');
      await serving([program], works);
    });

    test('NestJS', async (context) => {
      context.skip(!there, 'its packages are not there');
      unpack('admin.md', { 'package.json': '{ "type": "module" }' });
      expect(await compiled('nest.ts')).toMatchObject({ code: 0, stdout: '' });
      await serving(['nest.js'], works);
    });

    test(
      'Next.js',
      async (context) => {
        context.skip(!there, 'its packages are not there');
        const page = filesOf('docs/examples/next.md').map(({ path, text }) => [path, text] as const);
        const layout = 'export default ({ children }) => <html lang="en"><body>{children}</body></html>;\n';
        unpack('admin.md', {
          ...Object.fromEntries(page),
          'app/layout.jsx': layout,
          'app/page.jsx': 'export default () => <p>Hello</p>;\n',
        });
        const next = join(FRAMEWORKS, 'node_modules', 'next', 'dist', 'bin', 'next');
        const built = await node(next, 'build');
        expect(built.code, built.stdout + built.stderr).toBe(0);
        await serving([next, 'start'], (url) => works(url, '/api/signup'));
      },
      LONG,
    );
  });

  test('Auth.js sends a magic link that expires', async (context) => {
    context.skip(!there, 'its packages are not there');
    unpack('authjs.md', { 'adapter.mjs': ADAPTER });
    await serving(['server.mjs'], async (url) => {
      const csrf = await fetch(`${url}/auth/csrf`);
      const { csrfToken } = (await csrf.json()) as { csrfToken: string };
      const cookie = csrf.headers.getSetCookie().map((each) => each.split(';')[0]);
      await fetch(`${url}/auth/signin/nodemailer`, {
        method: 'POST',
        headers: { cookie: cookie.join('; ') },
        body: new URLSearchParams({ email: 'bob@example.org', csrfToken }),
        redirect: 'manual',
      });
      expect(await arrived(1)).toContain('/auth/callback/nodemailer');
    });
    const { stdout } = await node(join(ROOT, 'bin', 'posthaste.js'), 'list', '--state', 'all', '--json');
    const listed = JSON.parse(stdout) as { createdAt: number; expiresAt: number; tags: string[] };
    expect(listed.tags).toEqual(['magic-link']);
    expect(listed.expiresAt - listed.createdAt).toBeLessThanOrEqual(600_000);
  });
});

/** As much of an adapter as a sign-in by mail asks for. */
const ADAPTER = `
  const tokens = new Map();
  export const adapter = {
    createVerificationToken: async (token) => { tokens.set(token.identifier, token); return token; },
    useVerificationToken: async ({ identifier }) => tokens.get(identifier) ?? null,
    getUserByEmail: async () => null,
    getUserByAccount: async () => null,
    createUser: async (user) => user,
    getUser: async () => null,
    updateUser: async (user) => user,
    linkAccount: async () => undefined,
    createSession: async (session) => session,
    getSessionAndUser: async () => null,
    updateSession: async (session) => session,
    deleteSession: async () => undefined,
  };
`;
