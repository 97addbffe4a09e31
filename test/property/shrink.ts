/**
 * Makes a failing history short and plain. fast-check can shrink it too, but knows neither the turn that failed nor
 * what is plain: this takes seconds instead of minutes, and leaves less.
 */
import { ALL_QUEUES, ALL_TYPES, type Failure, type History } from './history.ts';
import { CRONS } from './model/rhythm.ts';

export interface Shrunk {
  history: History;
  failure: Failure;
}

type Plain = Readonly<Record<string, unknown>>;

/** What says the least; a field that is not here says least when it is gone. */
const PLAIN: Plain = {
  type: 'command',
  max: 1,
  queues: ALL_QUEUES,
  types: ALL_TYPES,
  brief: true,
  delivered: true,
  names: 'all',
  spooled: false,
  exitCode: 0,
  lease: 'own',
  claim: 0,
  task: 0,
  poll: 0,
  start: 'current',
  of: 0,
  looking: false,
  down: 0,
};
/** Of a schedule. */
const USUAL: Plain = {
  name: 'a',
  cron: CRONS[0],
  timeZone: 'UTC',
  overlap: 'skip',
  missed: 'skip',
  paused: false,
};
const NOTHING = {};
/** What has fields of its own, and what they are when they say the least. */
const PARTS: Readonly<Record<string, Plain>> = { who: PLAIN, task: PLAIN, schedule: USUAL, change: NOTHING };
/** Who and how long: as they are. */
const KEPT = ['op', 'runner', 'ms'];

/** Goes on as long as something simpler fails as well. `trial`: what fails in a history, or null. */
export async function shrink(
  shrunk: Shrunk,
  trial: (history: History) => Promise<Failure | null>,
): Promise<Shrunk> {
  const history = shrunk.history.slice(0, shrunk.failure.turn);
  for (const simpler of simplerThan(history)) {
    const failure = await trial(simpler);
    if (failure !== null) return shrink({ history: simpler, failure }, trial);
  }
  return { history, failure: shrunk.failure };
}

/** The boldest first. */
function* simplerThan(history: History): Generator<History> {
  for (let size = history.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < history.length; at += size) yield history.toSpliced(at, size);
  }
  for (const [n, ops] of history.entries()) {
    if (ops.length > 1) for (let at = 0; at < ops.length; at++) yield history.with(n, ops.toSpliced(at, 1));
    if (ops.length > 1) yield history.toSpliced(n, 1, ...ops.map((op) => [op]));
  }
  for (const [n, ops] of history.entries()) {
    for (const [at, op] of ops.entries())
      for (const plainer of plainerThan(op)) yield history.with(n, ops.with(at, plainer));
  }
}

/** The same with one of its fields plain, or gone. */
function* plainerThan<T extends object>(op: T, plain: Plain = PLAIN): Generator<T> {
  for (const [name, value] of Object.entries(op)) {
    if (KEPT.includes(name) || value === undefined) continue;
    if (name === 'tasks') {
      yield* fewer(value).map((tasks) => ({ ...op, tasks }));
      continue;
    }
    if (name === 'who' && typeof value === 'string') continue;
    if (plain === NOTHING) yield { ...op, [name]: undefined };
    if (typeof value === 'object' && Object.hasOwn(PARTS, name)) {
      for (const plainer of plainerThan(value, PARTS[name])) yield { ...op, [name]: plainer };
    } else if (JSON.stringify(plain[name]) !== JSON.stringify(value)) yield { ...op, [name]: plain[name] };
  }
}

/** Without one of them, or with one of them plainer. */
function fewer(tasks: readonly object[]): object[][] {
  const without = tasks.length === 1 ? [] : tasks.map((_, at) => tasks.toSpliced(at, 1));
  return [
    ...without,
    ...tasks.flatMap((task, at) => [...plainerThan(task)].map((plainer) => tasks.with(at, plainer))),
  ];
}
