/** A thread that copies the write-ahead log into the database, so that no commit has to wait for that. */
import { parentPort, workerData } from 'node:worker_threads';
import { SqliteConnection } from './sqlite-connection.ts';

const connection = new SqliteConnection(workerData as string);

function checkpoint(): void {
  try {
    // PASSIVE copies what it can without holding up writers or readers.
    connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
  } catch {
    // A disk that is full or busy: the log keeps everything, and the next request tries again.
  }
  parentPort?.postMessage('over');
}

parentPort?.on('message', (wanted: 'checkpoint' | 'close') => {
  if (wanted === 'checkpoint') return checkpoint();
  connection.close();
  parentPort?.close();
});
