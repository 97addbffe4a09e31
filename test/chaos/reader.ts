/**
 * Follows the stream of events as a process of its own, to be killed: `node reader.ts '{"url", "token", "heard"}'`. It
 * goes on behind the last event that it has written down, and ends with code 0 at SIGTERM.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { TaskApiClient } from '../../src/client/index.ts';
import { type Heard, positionIn, readHeard } from './heard.ts';

export interface ReaderOptions {
  url: string;
  token: string;
  /** The file of what it has heard. */
  heard: string;
}

const { url, token, heard: path } = JSON.parse(process.argv[2] ?? '{}') as ReaderOptions;
const lastEventId = positionIn(readHeard(path));
const stopping = new AbortController();
process.once('SIGTERM', () => stopping.abort());

const api = new TaskApiClient({ url, token, patienceMs: Number.POSITIVE_INFINITY });
const file = openSync(path, 'a');
try {
  for await (const told of api.events.stream({}, { lastEventId, signal: stopping.signal })) {
    const heard: Heard = 'seq' in told ? { seq: told.seq, id: told.id } : told;
    // A kill takes nothing of what the kernel has: no sync is needed.
    writeSync(file, `${JSON.stringify(heard)}\n`);
  }
} catch (error) {
  if (!stopping.signal.aborted) throw error;
}
closeSync(file);
process.exit(0);
