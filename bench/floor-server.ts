/**
 * The least that a durable SMTP server on Node.js can do for a message: answer each command, one synced write before the last answer, shared with what
 * came meanwhile, and one transaction on the way out over a connection that is kept. It looks at nothing, and finds nothing again.
 */
import { fdatasync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';

const [port, path, relayPort] = process.argv.slice(2);
const END = '\r\n.\r\n';
/** The file is written over from its beginning then: a file that does not grow syncs faster than one that does. */
const MOST = 16_777_216;
/** To the relay, as many as the others have. */
const CONNECTIONS = 20;

const file = openSync(path ?? '', 'w');
let position = 0;
let sessions = 0;
let waiting: { readonly content: string; readonly socket: Socket }[] = [];
let syncing = false;

/** Where one client is alone nothing is gained by another thread, and a hop to it is lost. */
function keep(content: string, socket: Socket): void {
  waiting.push({ content, socket });
  if (syncing) return;
  const group = write();
  if (sessions === 1) {
    fdatasyncSync(file);
    answerKept(group);
    return;
  }
  syncing = true;
  const next = (kept: typeof group): void => {
    fdatasync(file, () => {
      answerKept(kept);
      syncing = waiting.length > 0;
      if (syncing) next(write());
    });
  };
  next(group);
}

function write(): typeof waiting {
  const group = waiting;
  waiting = [];
  for (const { content } of group) {
    position = position + content.length > MOST ? 0 : position;
    position += writeSync(file, content, position, 'latin1');
  }
  return group;
}

function answerKept(group: typeof waiting): void {
  for (const { content, socket } of group) {
    socket.write('250 kept\r\n');
    if (relayPort !== undefined) relay(content);
  }
}

function answer(line: string): string {
  const verb = line.slice(0, 4).toUpperCase();
  if (verb === 'DATA') return '354 go on\r\n';
  return verb === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n';
}

function serve(socket: Socket): void {
  let heard = '';
  let inContent = false;
  sessions++;
  const take = (): boolean => {
    const end = inContent ? END : '\r\n';
    const at = heard.indexOf(end);
    if (at < 0) return false;
    const taken = heard.slice(0, at);
    heard = heard.slice(at + end.length);
    if (inContent) {
      inContent = false;
      keep(taken, socket);
      return true;
    }
    const said = answer(taken);
    inContent = said.startsWith('354');
    if (said.startsWith('221')) socket.end(said);
    else socket.write(said);
    return true;
  };
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    heard += text;
    while (take());
  });
  // The client may leave as it likes.
  socket.on('error', () => socket.destroy());
  socket.on('close', () => sessions--);
  socket.write('220 floor\r\n');
}

const outgoing: string[] = [];
const free: (() => void)[] = [];
let connections = 0;

function relay(content: string): void {
  outgoing.push(content);
  const idle = free.pop();
  if (idle !== undefined) idle();
  else if (connections < CONNECTIONS) connect();
}

/** Sender, recipient and DATA in one packet, as the relay offers it; the replies to them are three lines. */
function connect(): void {
  connections++;
  const socket = createConnection({ port: Number(relayPort), host: '127.0.0.1', noDelay: true });
  let due = 1;
  let then: () => void = () => {
    due = 1;
    then = begin;
    socket.write('HELO floor\r\n');
  };
  const begin = (): void => {
    const content = outgoing.shift();
    if (content === undefined) {
      free.push(begin);
      return;
    }
    due = 3;
    then = () => {
      due = 1;
      then = begin;
      socket.write(content + END, 'latin1');
    };
    socket.write('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n');
  };
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    due -= text.split('\n').length - 1;
    if (due === 0) then();
  });
  socket.on('error', () => process.exit(1));
}

createServer({ noDelay: true }, serve).listen(Number(port), '127.0.0.1');
