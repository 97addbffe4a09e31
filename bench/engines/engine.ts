/** What runs in a process of its own for a round: an engine, and how many tasks go through it. */

export interface Job {
  count: number;
  /** For the engines that keep files. */
  folder: string;
  /** For those that have a server. */
  host: string;
  port: number;
  user: string;
}

export interface Engine {
  /** Adds `count` tasks, works each, and resolves when all of them are done and known to be. */
  run(count: number): Promise<void>;
}

/** How many submit at once, to every engine. */
export const PRODUCERS = 64;

/** As a command task of ours carries. */
export function payloadOf(n: number) {
  return { type: 'command', command: `echo ${n}`, timeout: 30_000 };
}
