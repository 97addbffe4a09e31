/** The passing of time: for the queue's own timers, and for the scheduler; with the Task API running and without. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Step } from './calls.ts';
import { LOOK_MS, printed } from './model/schedules.ts';
import { same } from './same.ts';
import type { Scene } from './scene.ts';

/** How often the scheduler gets its turn while some time passes; then not until its end, as if the machine slept. */
const MOST_LOOKS = 5;
/** Further away is no occurrence that a crash waits for. */
const SOON_MS = 86_400_000;

/** From one moment at which something is due to the next. */
export async function pass(scene: Scene, ms: number): Promise<void> {
  const end = scene.clock.steady() + ms;
  for (let looks = 0; scene.clock.steady() < end; ) {
    const sleeps = looks >= MOST_LOOKS;
    if (sleeps) scene.model.schedules.mayBeLate(end);
    await advance(scene, Math.min(scene.model.nextMoment(), sleeps ? end : nextLook(scene), end));
    looks += await lookAround(scene);
  }
}

/** Looks at which nothing is due are left out, but for the last before something is. */
function nextLook({ alarm, model, clock }: Scene): number {
  return Math.max(alarm.at, model.schedules.nextDue() - LOOK_MS, clock.steady());
}

async function advance(scene: Scene, to: number): Promise<void> {
  scene.clock.advance(to - scene.clock.steady());
  await scene.settle();
  scene.model.elapsed();
}

/** The scheduler looks for as long as its alarm is due; how often it did. */
async function lookAround(scene: Scene): Promise<number> {
  const { model } = scene;
  let looks = 0;
  for (; scene.alarm.isDue; looks++) {
    if (looks > 100) throw new Error('the scheduler never comes to rest');
    await lookOnce(scene);
  }
  const late = model.schedules.overdue();
  if (late) throw new Error(`${late.id} was due at ${printed(late.next)}, and nothing has passed`);
  return looks;
}

async function lookOnce(scene: Scene): Promise<void> {
  const { real, model } = look(scene);
  await real;
  await scene.settle();
  model();
  scene.model.schedules.explain();
}

export function look(scene: Scene): Step {
  const looks = scene.alarm.ring();
  return { real: Promise.resolve(), model: () => (looks ? scene.model.schedules.look() : undefined) };
}

/** And the reconciler looks at it, as it does every few seconds. */
export async function setClock(scene: Scene, ms: number): Promise<void> {
  scene.clock.jump(ms);
  same(await scene.queue.upkeep.restoreReady(), 0, 'ready tasks that were missing in the ready list');
  scene.model.schedules.mayBeLate(scene.clock.steady() + LOOK_MS);
  await advance(scene, scene.clock.steady());
}

export async function restart(scene: Scene, down: number): Promise<void> {
  await scene.stop().stop();
  scene.start(await scene.store.restart(scene.clock, down));
  scene.model.restart(false, down);
  await begin(scene);
}

export async function crash(
  scene: Scene,
  { down, looking }: { down: number; looking: boolean },
): Promise<void> {
  if (looking) await reachOccurrence(scene);
  if (looking) await beginToLook(scene);
  scene.stop();
  scene.start(await scene.store.crash(scene.clock, down));
  scene.model.restart(true, down);
  await begin(scene);
}

async function begin(scene: Scene): Promise<void> {
  await advance(scene, scene.clock.steady());
  await lookAround(scene);
}

/** If it is not too far away; and the scheduler's timer is late. */
export async function reachOccurrence(scene: Scene): Promise<void> {
  const { clock, model } = scene;
  const wait = model.schedules.nextDue() - clock.steady();
  if (wait <= 0 || wait > SOON_MS) return;
  if (wait > 1) await pass(scene, wait - 1);
  await advance(scene, clock.steady() + 1);
  model.schedules.mayBeLate(clock.steady() + LOOK_MS);
}

/**
 * What the scheduler begins first is on disk when the crash comes. That an occurrence has passed, is all that the model
 * takes from the queue: whatever belongs to it has to be on disk as well.
 */
async function beginToLook(scene: Scene): Promise<void> {
  const { schedules } = scene.queue;
  const nextRuns = () => new Map(schedules.list().map(({ id, nextRunAt }) => [scene.nameOf(id), nextRunAt]));
  const before = nextRuns();
  if (!scene.alarm.ring()) return;
  await nextTurn();
  const after = nextRuns();
  const passed = new Set([...before.keys()].filter((name) => before.get(name) !== after.get(name)));
  scene.model.schedules.look(({ id }) => passed.has(id));
  if (passed.size > 0) scene.tally.count('crash in the middle of a look');
}
