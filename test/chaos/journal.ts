/**
 * What a client knows for certain: it writes down what it is about to do, on disk, before it does it. So the next
 * process goes on where a SIGKILL ended the one before.
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Schedule } from '../../src/queue/schedules.ts';
import type { Act, ScheduleFields } from './lives.ts';
import type { Lane } from './work.ts';

export type Entry =
  /** To be submitted, until it is acknowledged. */
  | { what: 'intent'; key: string; lane: Lane; index: number }
  | { what: 'acknowledged'; key: string; taskId: string }
  /** What it was answered is no acknowledgement, and never will be one. */
  | { what: 'refused'; key: string; answer: string }
  /** Asked to be cancelled from here on, or to be started anew. */
  | { what: 'cancel' | 'retry'; key: string }
  /** The outcome that it was told. */
  | { what: 'outcome'; key: string; exitCode: number; stdout: string }
  /** So many tasks are submitted in one request: all of them or none. They have this key as a tag. */
  | { what: 'batch'; key: string; size: number }
  | Asked
  | Told;

/** A step in the life of a schedule, about to be taken; `key` is its name. */
export interface Asked {
  what: 'asked';
  key: string;
  step: number;
  act: Act;
  body?: ScheduleFields;
  /** Epoch milliseconds, as in `Told`: by the same clock as the Task API's. */
  at: number;
}

/** What was answered. */
export interface Told {
  what: 'told';
  key: string;
  step: number;
  at: number;
  status: number;
  /** A change that was asked for more than once: another one of them may have been done, or may still be on its way. */
  isDoubtful: boolean;
  schedule?: Schedule;
  taskId?: string;
}

export function readJournal(path: string): Entry[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line) as Entry];
    } catch {
      return [];
    }
  });
}

export class Journal {
  readonly #file: number;
  readonly entries: Entry[];

  /** A line that was cut off by a kill ends here, and counts for nothing. */
  constructor(path: string) {
    this.entries = readJournal(path);
    appendFileSync(path, '\n');
    this.#file = openSync(path, 'a');
  }

  write(entry: Entry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
    fsyncSync(this.#file);
    this.entries.push(entry);
  }

  close(): void {
    closeSync(this.#file);
  }
}
