/** A relay far away: passes connections on to a port of this machine, everything half a round trip later. `far.ts PORT MS` */
import { connect, createServer, type Socket } from 'node:net';

const [port = '0', roundTrip = '0'] = process.argv.slice(2);
const half = Number(roundTrip) / 2;

/** Octets keep their order because timers of one length do. */
function pass(from: Socket, to: Socket): void {
  from.on('data', (bytes: Buffer) => setTimeout(() => to.write(bytes), half));
  from.on('end', () => setTimeout(() => to.end(), half));
  from.on('error', () => to.destroy());
}

const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ host: '127.0.0.1', port: Number(port), noDelay: true, allowHalfOpen: true });
  near.setNoDelay(true);
  pass(near, far);
  pass(far, near);
});
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
