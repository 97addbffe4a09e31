/** What chance alone would bring about too seldom, set on stage beside it. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Mark, readMarks, startsOf } from './marks.ts';
import type { Connected, Stage } from './stage.ts';
import type { Submitter } from './submitter.ts';
import { aBatch, aWork, type Beats, fileOf, type Lane, LEASE_MS, type Work } from './work.ts';

/** A scene is given up when what it waits for doesn't come. */
const PATIENCE_MS = 30_000;
const LOOK_EVERY_MS = 20;
/** A lease is lost 5 seconds after its end, and that is looked for once a second. */
const LOST_MS = LEASE_MS + 7_000;

/** Tasks of a batch: enough that it takes a while to store them. */
const BATCH = 20;
/** A commit of a few rows is over by then, mostly. */
const COMMIT_MS = 40;

export interface SceneParts {
  stage: Stage;
  submitter: Submitter;
  signal: AbortSignal;
  /** Whether there are kills left to be made. */
  mayKill: () => boolean;
}

/**
 * A runner is cut off in the middle of a task, ends it all the same, and keeps the result until it is reached again:
 * by then another runner has the task, and the next one of its key waits.
 */
async function lateResult(parts: SceneParts, name: string): Promise<void> {
  const first = await submit(parts, { name, kind: 'command' }, 0, { first: 4, later: 60 });
  await submit(parts, { name, kind: 'command' }, 1, { first: 10, later: 10 });
  const holder = await reserved(parts, first);
  if (holder === undefined) return;
  holder.link.trouble({ kind: 'stall', ways: ['up', 'down'] });
  const isGivenAway = (await startOf(parts, first, 2)) !== undefined;
  if (isGivenAway) await rest(parts, 500);
  release(holder);
}

/**
 * The runner that has the files of a conversation is cut off until its lease is lost, and works on meanwhile: nobody
 * else can be given the task.
 */
async function longCut(parts: SceneParts, name: string): Promise<void> {
  const work = await submit(parts, { name, kind: 'claude' }, 0, { first: 100, later: 20 });
  const holder = await reserved(parts, work);
  if (holder === undefined) return;
  holder.link.trouble({ kind: 'stall', ways: ['down'] });
  await rest(parts, LOST_MS);
  release(holder);
}

/** A runner is killed in the middle of a task that would go on for long after it has been given to another. */
async function killedRunner(parts: SceneParts, name: string): Promise<void> {
  const { stage, mayKill } = parts;
  const work = await submit(parts, { name, kind: 'command' }, 0, { first: 150, later: 5 });
  const holder = holderOf(stage, await startOf(parts, work, 1));
  if (!mayKill() || holder === undefined || holder.member.isReserved || !holder.member.isUp) return;
  await stage.kill('runner', holder.member, 300);
}

/** The Task API is killed while a batch is on its way or in the midst of its commit, and nobody submits it again. */
async function struckBatch(parts: SceneParts, name: string): Promise<void> {
  const lane = { name, kind: 'loose' } as const;
  const works = Array.from({ length: BATCH }, (_, index) => work(parts, lane, index, { first: 0, later: 0 }));
  const submitted = parts.submitter.submitOnce(aBatch(works), lane);
  await rest(parts, Math.random() * COMMIT_MS);
  await strike(parts);
  await submitted;
}

/** The Task API is killed at the moment at which occurrences pass. */
async function struckOccurrence(parts: SceneParts): Promise<void> {
  await rest(parts, 1_000 - (Date.now() % 1_000) + Math.random() * COMMIT_MS);
  await strike(parts);
}

export const SCENES = [
  ...[lateResult, struckBatch, struckOccurrence],
  ...[lateResult, killedRunner, longCut],
] as const;

async function strike({ stage, mayKill }: SceneParts): Promise<void> {
  if (mayKill() && stage.taskApi.isUp) await stage.kill('taskApi', stage.taskApi, 300);
}

function work({ stage }: SceneParts, lane: Lane, index: number, beats: Beats): Work {
  return aWork({ ...stage.ground, lane, index }, { beats, exitCode: 0 });
}

async function submit(parts: SceneParts, lane: Lane, index: number, beats: Beats): Promise<Work> {
  const submitted = work(parts, lane, index, beats);
  await parts.submitter.submit({ works: [submitted], batch: null }, lane);
  return submitted;
}

/** The runner that the first attempt is at; undefined where there is none to be had. */
async function reserved(parts: SceneParts, work: Work): Promise<Connected | undefined> {
  const holder = holderOf(parts.stage, await startOf(parts, work, 1));
  if (holder === undefined || holder.member.isReserved) return undefined;
  holder.member.isReserved = true;
  return holder;
}

function release({ member, link }: Connected): void {
  link.mend();
  member.isReserved = false;
}

async function rest({ signal }: SceneParts, ms: number): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
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
