/** What the tasks themselves wrote of when they lived: seen in the world, not in a database. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupOf } from './work.ts';

export interface Mark {
  what: string;
  /** Of the task. */
  key: string;
  attempt: string;
  runner: string;
}

/** The marks of each group, in the order of the world. */
export type World = ReadonlyMap<string, readonly Mark[]>;

/** None where nothing has started yet. */
export function readMarks(file: string): Mark[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => {
    const [what = '', key = '', attempt = '', runner = ''] = line.split(' ');
    return { what, key, attempt, runner };
  });
}

export function readWorld(folder: string): World {
  const files = readdirSync(folder).flatMap((file) => {
    const group = groupOf(file);
    return group === undefined ? [] : [[group, readMarks(join(folder, file))] as const];
  });
  return new Map(files);
}

/** The attempts of a group, in the order in which they started. */
export function startsOf(marks: readonly Mark[]): Mark[] {
  return marks.filter(({ what }) => what === 'start');
}

/**
 * Attempts that gave a sign of life after a later one of the group had begun. An attempt that was killed has no end
 * mark, so it counts as living for as long as it is seen to.
 */
export function overlapsIn(marks: readonly Mark[]): string[] {
  let latest: Mark | undefined;
  const begun = new Set<string>();
  const overlaps = new Map<string, string>();
  for (const mark of marks) {
    if (!begun.has(mark.attempt)) latest = mark;
    begun.add(mark.attempt);
    if (latest === undefined || latest.attempt === mark.attempt) continue;
    const sentence = `${said(mark)} was alive while ${said(latest)} ran`;
    overlaps.set(`${mark.attempt} ${latest.attempt}`, sentence);
  }
  return [...overlaps.values()];
}

/** Tasks that started although a later one of their group had started before. What has no index is left out. */
export function orderBreaksIn(marks: readonly Mark[], indexes: ReadonlyMap<string, number>): string[] {
  const breaks: string[] = [];
  let [furthest, furthestIndex]: [Mark | undefined, number] = [undefined, Number.NEGATIVE_INFINITY];
  for (const mark of startsOf(marks)) {
    const index = indexes.get(mark.key);
    if (index === undefined) continue;
    if (furthest !== undefined && index < furthestIndex) {
      breaks.push(`${said(mark)} started after ${said(furthest)}`);
    } else [furthest, furthestIndex] = [mark, index];
  }
  return breaks;
}

/**
 * The tasks of a schedule can't be told apart by their marks: they all have the same name. By its result a task is known
 * to be an attempt; the marks of that get the task's own name. `names`: of attempts.
 */
export function named(world: World, names: ReadonlyMap<string, string>): World {
  return new Map(
    [...world].map(([group, marks]) => [
      group,
      marks.map((mark) => ({ ...mark, key: names.get(mark.attempt) ?? mark.key })),
    ]),
  );
}

/** The attempt that printed it: its first word. */
export function attemptIn(output: string): string {
  return /^\S*/.exec(output.trimStart())?.[0] ?? '';
}

function said({ key, attempt, runner }: Mark): string {
  return `${key} (attempt ${attempt.slice(0, 8)} at ${runner})`;
}
