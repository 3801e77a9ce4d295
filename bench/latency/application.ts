/** A web application that sends a mail in its request handler, and keeps how long that took. Its setting is its one argument, as JSON. */
import { createServer, type ServerResponse } from 'node:http';
import { type Setting, WAYS } from './ways.ts';

const setting = JSON.parse(process.argv[2] ?? '') as Setting;
const way = await WAYS[setting.way].open(setting);
/** Milliseconds that each handler waited for its mail. */
let waits: number[] = [];
let served = 0;

function mail(n: number): { from: string; to: string; subject: string; text: string; html: string } {
  const text = `Welcome, user ${n}. ${'Thank you for signing up. '.repeat(60)}`;
  return { from: 'app@example.com', to: `user${n}@example.org`, subject: `Welcome ${n}`, text, html: `<p>${text}</p>` };
}

async function signUp(response: ServerResponse): Promise<void> {
  const begun = performance.now();
  await way.send(mail(++served));
  waits.push(performance.now() - begun);
  response.end('welcome\n');
}

/** What was measured so far, and begins anew. */
function tell(response: ServerResponse): void {
  response.end(JSON.stringify(waits));
  waits = [];
}

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    tell(response);
    return;
  }
  signUp(response).catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    response.writeHead(500).end();
  });
});
// A connection that this side closes while the other one begins a request on it would count as a fault.
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
process.on('SIGTERM', () => process.exit(0));
