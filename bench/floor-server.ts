/** The least that a durable SMTP server on Node.js can do for a message: answer each command, and one synced write before the last answer. */
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

const [port, path] = process.argv.slice(2);
const END = '\r\n.\r\n';
/** The file is written over from its beginning then: a file that does not grow syncs faster than one that does. */
const MOST = 16_777_216;

const file = openSync(path ?? '', 'w');
let position = 0;

function keep(content: string): void {
  position = position + content.length > MOST ? 0 : position;
  position += writeSync(file, content, position, 'latin1');
  fdatasyncSync(file);
}

function answer(line: string): string {
  const verb = line.slice(0, 4).toUpperCase();
  if (verb === 'DATA') return '354 go on\r\n';
  return verb === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n';
}

function serve(socket: Socket): void {
  let heard = '';
  let inContent = false;
  const take = (): boolean => {
    const end = inContent ? END : '\r\n';
    const at = heard.indexOf(end);
    if (at < 0) return false;
    const taken = heard.slice(0, at);
    heard = heard.slice(at + end.length);
    const said = inContent ? '250 kept\r\n' : answer(taken);
    if (inContent) keep(taken);
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
  socket.write('220 floor\r\n');
}

createServer({ noDelay: true }, serve).listen(Number(port), '127.0.0.1');
