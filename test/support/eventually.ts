import { existsSync, readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** Only ends a hang: on no machine does a test pass or fail by it. */
const BOUND_MS = 30_000;
const LOOK_EVERY_MS = 5;

/** Resolves with what `look` finds, as soon as it is neither undefined, null nor false. */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  boundMs = BOUND_MS,
): Promise<T> {
  for (const end = performance.now() + boundMs; performance.now() < end; await setTimeout(LOOK_EVERY_MS)) {
    const found = await look();
    if (found !== undefined && found !== null && found !== false) return found;
  }
  throw new Error(`waited in vain for ${what}`);
}

/** The process ids that a command has written to a file, one a line, once there are `count`. */
export function pidsIn(path: string, count: number, boundMs = BOUND_MS): Promise<number[]> {
  const look = () => {
    const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    return lines.length >= count && lines.map(Number);
  };
  return eventually(`${count} process ids in ${path}`, look, boundMs);
}

/** Resolves when none of these processes runs any more; one that nobody has waited for yet counts as gone. */
export async function gone(pids: readonly number[]): Promise<void> {
  await eventually(`the end of processes ${pids.join(', ')}`, () => !pids.some(isAlive));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/^\d+ \(.*\) Z /s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
