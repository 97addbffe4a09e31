/** What the clients wrote in their journals, put together at the end. */
import type { TaskState } from '../../src/queue/task.ts';
import type { Written } from './collect.ts';
import { type Entry, readJournal } from './journal.ts';
import type { Batch } from './judge.ts';
import { idOf, type Kept } from './kept.ts';
import { type KeptPlace, keptLanesOf, workOf } from './lives.ts';
import type { Passings } from './occurrences.ts';
import type { Ground, Work } from './work.ts';

type Intent = Extract<Entry, { what: 'intent' }>;

/** Tasks by tag. */
export type Tagged = ReadonlyMap<string, readonly string[]>;

export function taggedIn(tasks: readonly TaskState[]): Tagged {
  const tagged = new Map<string, string[]>();
  for (const { taskId, tags } of tasks)
    for (const tag of tags) tagged.set(tag, [...(tagged.get(tag) ?? []), taskId]);
  return tagged;
}

/** Every task that was to be submitted, with all that was written of it. */
export function tasksIn(journal: string, tagged: Tagged, workFor: (intent: Intent) => Work): Written[] {
  const entries = Map.groupBy(readJournal(journal), ({ key }) => key);
  return [...entries.values()].flatMap((entries) => {
    const intent = entries.find((entry) => entry.what === 'intent');
    if (intent === undefined) return [];
    const told = entries.find((entry) => entry.what === 'acknowledged');
    return [{ work: workFor(intent), entries, taskId: told?.taskId ?? tagged.get(intent.key)?.[0] ?? null }];
  });
}

export function batchesIn(journal: string, tagged: Tagged): Batch[] {
  const entries = readJournal(journal);
  const told = new Set(entries.flatMap((entry) => (entry.what === 'acknowledged' ? entry.key : [])));
  return entries.flatMap((entry) => {
    if (entry.what !== 'batch') return [];
    const { key, size } = entry;
    const isAcknowledged = told.has(key.slice(key.indexOf(' ') + 1));
    return [{ key, size, isAcknowledged, found: tagged.get(key)?.length ?? 0 }];
  });
}

export function keptIn(journal: string): Kept[] {
  const entries = Map.groupBy(readJournal(journal), ({ key }) => key);
  return [...entries].flatMap(([name, all]) => {
    const told = all.filter((entry) => entry.what === 'told');
    const steps = all
      .filter((entry) => entry.what === 'asked')
      .map((asked) => {
        const answer = told.find(({ step }) => step === asked.step);
        return { asked, ...(answer && { told: answer }) };
      });
    return steps.length === 0 ? [] : [{ name, steps }];
  });
}

/** The tasks that a schedule has submitted; the name of each in the marks is that of the schedule, and its number. */
export function runsOf(
  kept: Kept,
  client: string,
  ground: Ground,
  passings: ReadonlyMap<string, Passings>,
): Written[] {
  const { lane, index } = placeOf(kept.name, client);
  const work = workOf({ ...ground, lane, index });
  const { passed } = passings.get(idOf(kept) ?? '') ?? { passed: [] };
  // Conversations that are new each time may be anywhere.
  const route = lane.kind === 'anew' ? '/tasks' : work.route;
  return passed
    .filter(({ how }) => how === 'run')
    .map(({ taskId }, at) => ({
      work: { ...work, route, key: `${work.key}#${at + 1}`, index: at },
      entries: [],
      taskId,
    }));
}

function placeOf(name: string, client: string): Pick<KeptPlace, 'lane' | 'index'> {
  const lane = keptLanesOf(client).find((each) => name.startsWith(`${each.name}.`));
  if (lane === undefined) throw new Error(`${name} is no schedule of ${client}`);
  return { lane, index: Number(name.slice(lane.name.length + 1)) };
}
