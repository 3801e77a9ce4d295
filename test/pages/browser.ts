/** A real browser on a real server: what people see, with every request that the browser makes held to this machine. */
import axe from 'axe-core';
import { type Browser, type BrowserContextOptions, chromium, type Page, type Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { CHROMIUM_FLAGS, findChromium } from '../../scripts/chromium.ts';
import { type Server, serve, temporaryFolder } from '../support/posthaste.ts';

const PROGRAM = findChromium();

/** The tests of a file in a browser; where there is none they are skipped, and said to be, but never under CI. */
export function withBrowser(name: string, tests: () => void): void {
  if (PROGRAM !== undefined) tests();
  else tell(name);
}

function tell(name: string): void {
  const sentence = `no Chromium in PATH: the tests of ${name} in a browser do not run`;
  if (process.env.CI === 'true') test(name, () => expect.fail(sentence));
  else
    test.skip(name, () => {
      console.warn(sentence);
    });
  if (process.env.CI !== 'true') console.warn(`\n!! ${sentence}\n`);
}

let browser: Browser | undefined;

/** One browser for a file, and one window for each test, which is closed behind it. */
export function useBrowser(): { open(server: Visited, options?: BrowserContextOptions): Promise<Visit> } {
  let visits: Visit[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: PROGRAM as string,
      args: CHROMIUM_FLAGS,
      chromiumSandbox: false,
      // Without a locale of UTF-8 it takes no file name with other letters than ASCII for a download.
      env: { ...process.env, LC_ALL: 'C.UTF-8' } as Record<string, string>,
    });
  });
  afterEach(async () => {
    const all = visits;
    visits = [];
    for (const visit of all) await visit.close();
  });
  afterAll(() => browser?.close());
  return {
    async open(server, options = {}) {
      const visit = await Visit.begin(browser as Browser, server, options);
      visits.push(visit);
      return visit;
    },
  };
}

export interface Visited {
  /** Without a slash at its end. */
  readonly origin: string;
}

/** A window on the pages. At its end: no request went elsewhere, and nothing was complained of in the console. */
export class Visit {
  readonly page: Page;
  readonly #origin: string;
  readonly #requests = new Map<Request, string>();
  readonly #complaints: string[] = [];
  /** Complaints that a test brings about itself. */
  readonly forgiven: RegExp[] = [];

  private constructor(page: Page, origin: string) {
    this.page = page;
    this.#origin = origin;
    const context = page.context();
    context.on('request', (request) => this.#requests.set(request, request.url()));
    // What the content policy forbade was announced, and never sent.
    context.on('requestfailed', (request) => {
      if (request.failure()?.errorText === 'csp') this.#requests.delete(request);
    });
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.#complaints.push(String(error)));
  }

  static async begin(from: Browser, { origin }: Visited, options: BrowserContextOptions): Promise<Visit> {
    const context = await from.newContext({
      baseURL: origin,
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
      viewport: { width: 1280, height: 800 },
      reducedMotion: 'reduce',
      ...options,
    });
    return new Visit(await context.newPage(), origin);
  }

  /** `path` with a slash before it, below the base. */
  async goTo(path: string): Promise<void> {
    await this.page.goto(this.#origin + path);
  }

  /** What axe finds that keeps people out: the rule, and where. */
  async barriers(): Promise<string[]> {
    await this.page.evaluate(axe.source);
    const found = (await this.page.evaluate(
      "axe.run(document, { resultTypes: ['violations'], iframes: false }).then(({ violations }) => violations)",
    )) as readonly { id: string; impact: string; nodes: readonly { target: unknown; failureSummary: string }[] }[];
    return found
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target}: ${node.failureSummary}`));
  }

  /** True where the page must be moved sideways to be read. */
  isTooWide(): Promise<boolean> {
    return this.page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
  }

  /** What was asked of such hosts until now; it is asked about once. */
  takeRequestsTo(fits: (host: string) => boolean): string[] {
    const found = [...this.#requests].filter(([, url]) => /^(?:https?|wss?|ftp):/.test(url) && fits(new URL(url).host));
    for (const [request] of found) this.#requests.delete(request);
    return found.map(([, url]) => url);
  }

  async close(): Promise<void> {
    await this.page.context().close();
    const host = new URL(this.#origin).host;
    expect(
      this.takeRequestsTo((each) => each !== host),
      'requests to elsewhere',
    ).toEqual([]);
    const complaints = this.#complaints.filter((text) => !this.forgiven.some((pattern) => pattern.test(text)));
    expect(complaints, 'complaints of the browser').toEqual([]);
  }
}

export interface Running extends AsyncDisposable {
  readonly origin: string;
  readonly smtpPort: number;
  readonly folder: string;
  readonly server: Server;
}

/** `posthaste serve` as people start it, on free ports. */
export async function serving(
  flags: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const folder = temporaryFolder();
  const server = serve({ dataDir: folder.path, flags: ['--admin', '127.0.0.1:0', ...flags], environment });
  const { port, admin } = await server.ready();
  return {
    origin: `http://127.0.0.1:${admin}`,
    smtpPort: port,
    folder: folder.path,
    server,
    async [Symbol.asyncDispose]() {
      await server.kill();
      folder[Symbol.dispose]();
    },
  };
}

/** Asks the API as a program does. */
export async function api(
  { origin }: Visited,
  path: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of it is what it checks.
): Promise<any> {
  const sent = { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) };
  const init = body === undefined ? { headers: sent } : { method: 'POST', headers: sent, body: JSON.stringify(body) };
  const response = await fetch(`${origin}/api/v1${path}`, init);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}
