import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import type { SideFiles, SideWork } from './side-work.ts';

type Method = Exclude<keyof SideWork, 'close'>;

/** To the thread; null: the end. */
export interface Request {
  method: Method;
  args: unknown[];
}

/** An error of SQLite, which loses its class between threads, has a code. */
interface Failure {
  message: string;
  code: string | null;
}

export type Answer = { value: unknown } | { failure: Failure };

interface Waiting {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

/** As it is in the sources and in the package. */
const PROGRAM = new URL(
  import.meta.filename.endsWith('.ts') ? './side-thread-main.ts' : './side-thread-main.js',
  import.meta.url,
);
/** It has a few hundred events in hand, and nothing besides. */
const LIMITS = { maxYoungGenerationSizeMb: 4 };

/**
 * `SideWork` in a thread of its own: what it does took a fifth of the event loop under load, and up to 25 ms at once. Starts
 * with the first call; where it ends by itself, the next call starts another.
 */
export class SideThread {
  readonly #files: SideFiles;
  readonly #waiting: Waiting[] = [];
  #worker: Worker | null = null;
  #closed = false;

  constructor({ taskDb, eventDb }: SideFiles) {
    this.#files = { taskDb, eventDb };
  }

  /** It does not run: nothing was asked of it, or it has ended. */
  get isIdle(): boolean {
    return this.#worker === null;
  }

  /** Answers come in the order of the calls. Rejects as the work throws, or when the thread ends. */
  call<M extends Method>(method: M, ...args: Parameters<SideWork[M]>): Promise<ReturnType<SideWork[M]>> {
    if (this.#closed) return Promise.reject(new Error('the queue is closed'));
    this.#worker ??= this.#start();
    this.#worker.postMessage({ method, args } satisfies Request);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** After what was asked for. */
  async close(): Promise<void> {
    this.#closed = true;
    const worker = this.#worker;
    if (worker === null) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage(null);
    await ended;
  }

  #start(): Worker {
    const worker = new Worker(PROGRAM, { workerData: this.#files, env: {}, resourceLimits: LIMITS });
    worker.on('message', (answer: Answer) => this.#settle(answer));
    worker.on('error', (error: Error) => this.#end(worker, error));
    worker.on('exit', () => this.#end(worker, new Error('its thread has ended')));
    return worker;
  }

  #settle(answer: Answer): void {
    const first = this.#waiting.shift();
    if ('value' in answer) first?.resolve(answer.value as never);
    else first?.reject(toError(answer.failure));
  }

  #end(worker: Worker, reason: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const { reject } of this.#waiting.splice(0)) reject(reason);
  }
}

function toError({ message, code }: Failure): Error {
  return code === null ? new Error(message) : new Database.SqliteError(message, code);
}
