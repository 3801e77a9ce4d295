/** Few file descriptors: clients are turned away in words, and the log tells. */
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serve, temporaryFolder } from '../support/posthaste.ts';

const LIMIT = ['sh', '-c', 'ulimit -n 64; exec "$@"', 'sh'];

test.runIf(process.platform === 'linux')(
  'clients for whom no descriptor is left hear 421, and the log says why',
  async () => {
    using data = temporaryFolder();
    const server = serve({ dataDir: data.path, within: LIMIT });
    try {
      const { port } = await server.ready();
      const few = await server.line(({ msg }) => msg.startsWith('this process may open too few files for maxClients'));
      expect(few).toMatchObject({ files: 64, maxClients: 1_000 });
      const clients = Number(few.clients);
      const greetings: string[] = [];
      for (let i = 0; i <= clients; i++) {
        const socket = connect(port, '127.0.0.1');
        onTestFinished(() => void socket.destroy());
        greetings.push(await new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data)))));
      }
      expect(greetings.map((greeting) => greeting.slice(0, 3))).toEqual([...Array(clients).fill('220'), '421']);
      await server.line(({ msg }) => msg === 'connection refused');
    } finally {
      await server.stop();
    }
  },
);
