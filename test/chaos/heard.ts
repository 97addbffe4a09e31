/** What a reader of the stream has heard, and what is to be said of it. */
import { existsSync, readFileSync } from 'node:fs';
import type { Event } from '../../src/queue/events.ts';

interface Gap {
  from: number;
  to: number;
  reason: string;
}

/** An event, by its place and its id; or a gap. */
export type Heard = { seq: number; id: string } | Gap;

export interface Followed {
  heard: readonly Heard[];
  /** The newest event at a time after which it had long enough to hear of it. */
  newest: number;
}

export function readHeard(path: string): Heard[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Heard);
}

/** The `seq` of the last event that it has heard of; 0 for none. */
export function positionIn(heard: readonly Heard[]): number {
  const last = heard.at(-1);
  if (last === undefined) return 0;
  return 'seq' in last ? last.seq : last.to;
}

/** Against the log as it is at the end: every event once, in its order, or a gap that says what was removed. */
export function streamFaultsIn({ heard, newest }: Followed, log: readonly Event[]): string[] {
  const faults = holesIn(log, newest);
  const ids = new Map(log.map(({ seq, id }) => [seq, id]));
  let position = 0;
  for (const told of heard) {
    if (!('seq' in told)) {
      if (told.reason !== 'trimmed')
        faults.push(`it knew events ${told.from} to ${told.to}, the log does not`);
      position = told.to;
      continue;
    }
    if (told.seq <= position) faults.push(`event ${told.seq} came again, behind event ${position}`);
    else if (told.seq > position + 1) faults.push(`events ${position + 1} to ${told.seq - 1} never came`);
    if (ids.get(told.seq) !== told.id) faults.push(`event ${told.seq} was another one than the log has`);
    position = Math.max(position, told.seq);
  }
  return position < newest ? [...faults, `events ${position + 1} to ${newest} never came`] : faults;
}

/** What nobody who reads the whole log would see. */
function holesIn(log: readonly Event[], newest: number): string[] {
  const holes = log.filter(({ seq }, at) => seq !== (log[at - 1]?.seq ?? 0) + 1);
  const last = log.at(-1)?.seq ?? 0;
  return [
    ...holes.map(({ seq }) => `the whole log lacks what is before event ${seq}`),
    ...(last < newest ? [`the whole log ends at event ${last}, not at ${newest}`] : []),
  ];
}
