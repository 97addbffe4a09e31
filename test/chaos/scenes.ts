/** What chance alone would bring about too seldom, set on stage beside it. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Mark, readMarks, startsOf } from './marks.ts';
import type { Connected, Stage } from './stage.ts';
import type { Submitter } from './submitter.ts';
import { aWork, type Beats, fileOf, type Work } from './work.ts';

/** A scene is given up when what it waits for doesn't come. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 20;

export interface SceneParts {
  stage: Stage;
  submitter: Submitter;
  signal: AbortSignal;
}

/**
 * A runner is cut off in the middle of a task, ends it all the same, and keeps the result until it is reached again:
 * by then another runner has the task, and the next one of its key waits.
 */
export async function lateResult(parts: SceneParts, name: string): Promise<void> {
  const { stage, signal } = parts;
  const first = await submit(parts, name, 0, { first: 4, later: 60 });
  await submit(parts, name, 1, { first: 10, later: 10 });
  const holder = holderOf(stage, await startOf(parts, first, 1));
  if (holder === undefined || holder.member.isReserved) return;
  holder.member.isReserved = true;
  holder.link.trouble({ kind: 'stall', ways: ['up', 'down'] });
  const isGivenAway = (await startOf(parts, first, 2)) !== undefined;
  if (isGivenAway) await pause(500, undefined, { signal }).catch(() => {});
  holder.link.mend();
  holder.member.isReserved = false;
}

/** A runner is killed in the middle of a task that would go on for long after it has been given to another. */
export async function killedRunner(parts: SceneParts, name: string): Promise<void> {
  const { stage, signal } = parts;
  const work = await submit(parts, name, 0, { first: 150, later: 5 });
  const holder = holderOf(stage, await startOf(parts, work, 1));
  if (signal.aborted || holder === undefined || holder.member.isReserved || !holder.member.isUp) return;
  await stage.kill('runner', holder.member, 300);
}

async function submit(
  { stage, submitter }: SceneParts,
  name: string,
  index: number,
  beats: Beats,
): Promise<Work> {
  const work = sceneWork(stage.marks, name, index, beats);
  await submitter.submit(work, name);
  return work;
}

export function sceneWork(marks: string, name: string, index: number, beats: Beats): Work {
  return aWork({ marks, lane: { name, kind: 'command' }, index }, { beats, exitCode: 0 });
}

function holderOf({ runners }: Stage, start: Mark | undefined): Connected | undefined {
  return runners.find(({ member }) => member.name === start?.runner);
}

/** The mark of the task's nth attempt, as soon as it is there. */
async function startOf({ stage, signal }: SceneParts, work: Work, nth: number): Promise<Mark | undefined> {
  const file = fileOf(stage.marks, work.group);
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end; await pause(LOOK_EVERY_MS)) {
    const start = startsOf(readMarks(file)).filter(({ key }) => key === work.key)[nth - 1];
    if (start !== undefined || signal.aborted) return start;
  }
  return undefined;
}
