/** What still lives of a process: whatever descends from it has its marks in its environment (Linux's /proc). */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;

/** The ids of living processes with `text` in their environment. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => environmentOf(pid).includes(text))
    .map(Number);
}

/** Those that are left of `processesWith(text)` when it has been given `patienceMs` to end; none as soon as all have ended. */
export async function survivorsOf(text: string, patienceMs: number): Promise<number[]> {
  for (const end = performance.now() + patienceMs; performance.now() < end; await pause(LOOK_EVERY_MS)) {
    if (processesWith(text).length === 0) return [];
  }
  return processesWith(text);
}

/** Empty for one that has ended, waited for or not. */
function environmentOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}
