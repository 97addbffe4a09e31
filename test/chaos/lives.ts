/** The schedules of the chaos run: what becomes of each, step by step, is decided by the seed and its name. */
import type { JsonObject } from '../../src/queue/task.ts';
import { Random, seedOf } from './random.ts';
import { aWork, type Place, taskOf, type Work } from './work.ts';

export type Act = 'create' | 'look' | 'edit' | 'pause' | 'resume' | 'run' | 'remove';

/** What a client says of a schedule, all of it or what it changes. */
export interface ScheduleFields {
  name?: string;
  cron?: string;
  overlap?: 'skip' | 'queue';
  missed?: 'skip' | 'once';
  paused?: boolean;
  task?: JsonObject;
}

export interface Step {
  act: Act;
  /** Milliseconds since the step before. */
  afterMs: number;
  body?: ScheduleFields;
}

export interface Life {
  name: string;
  steps: Step[];
}

/**
 * Where schedules are kept one after the other. `line`: commands, each waiting for the one before; `skip`: commands
 * that pass where one is unfinished; `prompt`: in one conversation; `anew`: in a new one each time.
 */
export interface KeptLane {
  name: string;
  kind: 'line' | 'skip' | 'prompt' | 'anew';
}

export interface KeptPlace extends Omit<Place, 'lane'> {
  lane: KeptLane;
}

/** Of each kind: the seconds between its occurrences, and for how many tenths of a second a task works. */
const RHYTHMS = {
  line: { seconds: [1, 2], mostBeats: 2 },
  skip: { seconds: [1, 2], mostBeats: 12 },
  prompt: { seconds: [3, 4, 5], mostBeats: 2 },
  anew: { seconds: [4, 5, 6], mostBeats: 2 },
} as const;

export function keptLanesOf(client: string): KeptLane[] {
  const kinds = client.endsWith('1')
    ? (['line', 'skip', 'prompt'] as const)
    : (['line', 'skip', 'anew'] as const);
  return kinds.map((kind) => ({ name: `${client}-schedule-${kind}`, kind }));
}

/** True at each second that is a multiple. */
export function every(seconds: number): string {
  return `*/${seconds} * * * * *`;
}

/** The milliseconds between the occurrences of `every`. */
export function periodOf(cron: string): number {
  return Number(/^\*\/(\d+) /.exec(cron)?.[1]) * 1_000;
}

/** What each of its tasks is to do; all have the same name in the marks. */
export function workOf({ lane, index, ...ground }: KeptPlace, beats = 0): Work {
  const isPrompt = lane.kind === 'prompt' || lane.kind === 'anew';
  const place = { name: `${lane.name}.${index}`, kind: isPrompt ? 'claude' : 'loose' } as const;
  const work = aWork(
    { ...ground, lane: place, index: 0 },
    { beats: { first: beats, later: beats }, exitCode: 0 },
  );
  if (lane.kind !== 'anew') return work;
  const { sessionId: _any, ...body } = work.body;
  return { ...work, body };
}

export function lifeAt(seed: number, place: KeptPlace): Life {
  const { lane, index } = place;
  const { name, kind } = { name: `${lane.name}.${index}`, kind: lane.kind };
  const random = new Random(seedOf(seed, name));
  const { seconds, mostBeats } = RHYTHMS[kind];
  const task = () => ({ ...taskOf(workOf(place, random.integer(0, mostBeats))), tags: [name] }) as JsonObject;
  const cron = () => every(random.pick(seconds));
  const overlap = kind === 'line' || kind === 'prompt' ? 'queue' : 'skip';
  const missed = random.oneIn(2) ? 'once' : 'skip';
  const begin: Step = {
    act: 'create',
    afterMs: 0,
    body: { name, cron: cron(), overlap, missed, task: task() },
  };
  const steps = [begin];
  for (let turns = random.integer(2, 4); turns > 0; turns--) {
    const edit = random.oneIn(2) ? { cron: cron() } : { task: task() };
    steps.push(...aTurn(random, kind, edit));
  }
  return { name, steps: [...steps, look(random), { act: 'remove', afterMs: 0 }] };
}

/** A schedule is looked at before it is changed, so that what has passed by then is known. */
function aTurn(random: Random, kind: KeptLane['kind'], edit: ScheduleFields): Step[] {
  const turn = random.pick(['edit', 'pause', 'run']);
  // Runs of conversations that are new each time would go side by side.
  if (turn === 'run' && kind !== 'anew') return [{ act: 'run', afterMs: random.integer(200, 3_000) }];
  if (turn === 'pause') {
    const rest = { act: 'resume', afterMs: random.integer(500, 3_000), body: { paused: false } } as const;
    return [look(random), { act: 'pause', afterMs: 0, body: { paused: true } }, rest];
  }
  return [look(random), { act: 'edit', afterMs: 0, body: edit }];
}

function look(random: Random): Step {
  return { act: 'look', afterMs: random.integer(1_500, 6_000) };
}
