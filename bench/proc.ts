/** What Linux tells of a process. */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from './client.ts';

/** Clock ticks a second in /proc, on every Linux that Node runs on. */
const TICKS = 100;
const READINGS = 5;

/** Resident memory, in MiB. */
export function residentMiB(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib) / 1_024;
}

/** How long memory may settle before each reading. */
export interface Rest {
  requests: number;
  ms: number;
}

/** The lowest of some readings with requests in between: what only waits for the next collection does not count. */
export async function settledMiB(pid: number, connection: Connection, rest: Rest): Promise<number> {
  const readings = [];
  for (let n = 0; n < READINGS; n++) {
    for (let sent = 0; sent < rest.requests; sent++) await connection.get('/health');
    await pause(rest.ms);
    readings.push(residentMiB(pid));
  }
  return Math.min(...readings);
}

/** Milliseconds of processor time, of all its threads, since it started. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name in parentheses may hold blanks: the fields are counted behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS;
}

/** Percent of one core over the next `ms` milliseconds. */
export async function processorPercent(pid: number, ms: number): Promise<number> {
  const [before, start] = [processorMs(pid), performance.now()];
  await pause(ms);
  return ((processorMs(pid) - before) * 100) / (performance.now() - start);
}
