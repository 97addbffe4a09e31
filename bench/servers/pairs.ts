/** A reference and a Task API, anew a few times: how fast a process is depends a little on how it happens to lie in memory. */
import type { Sides } from '../measure.ts';
import type { Stage } from '../stage.ts';
import { type ReferenceName, startReference } from './reference.ts';
import { type Server, startTaskApi } from './task-api.ts';

const PAIRS = 3;

export type Servers = Sides<Server>;

/** What `work` has measured with each pair. */
export async function withPairs<T>(
  stage: Stage,
  reference: ReferenceName,
  work: (servers: Servers) => Promise<T>,
): Promise<T[]> {
  const measured: T[] = [];
  for (let pair = 0; pair < stage.size(PAIRS, 1); pair++) {
    const servers = { reference: await startReference(stage, reference), ours: await startTaskApi(stage) };
    try {
      measured.push(await work(servers));
    } finally {
      for (const { child } of [servers.reference, servers.ours]) await child.end();
    }
  }
  return measured;
}
