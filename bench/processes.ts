/** Child processes: each is waited for, stopped, and seen by the guard of the stage while it lives. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** How long a child may take until it says that it is ready, and until it has stopped. */
const START_MS = 120_000;
const STOP_MS = 20_000;
const TAIL_LINES = 20;

export interface Launch extends Pick<SpawnOptions, 'env' | 'uid' | 'gid' | 'cwd'> {
  /** What ends it at once, without a trace. */
  kill?: NodeJS.Signals;
}

export class Child {
  readonly pid: number;
  readonly ended: Promise<void>;
  readonly #process: ChildProcess;
  readonly #kill: NodeJS.Signals;
  readonly #tail: string[] = [];
  readonly #listeners = new Set<(line: string) => void>();

  constructor(process: ChildProcess, kill: NodeJS.Signals) {
    this.#process = process;
    this.#kill = kill;
    this.pid = process.pid ?? 0;
    this.ended = once(process, 'close').then(() => {});
    for (const stream of [process.stdout, process.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
  }

  /** Resolves with what `read` makes of the first line that it takes. */
  async says<T>(read: (line: string) => T | undefined): Promise<T> {
    const found = Promise.withResolvers<T>();
    const listener = (line: string) => {
      const value = read(line);
      if (value !== undefined) found.resolve(value);
    };
    const fail = (what: string) => found.reject(new Error(`a server ${what}: ${this.#tail.join(' | ')}`));
    const late = setTimeout(fail, START_MS, 'did not start');
    this.#listeners.add(listener);
    void this.ended.then(() => fail('ended'));
    try {
      return await found.promise;
    } finally {
      clearTimeout(late);
      this.#listeners.delete(listener);
    }
  }

  /** Lets it finish, or kills it when that takes too long. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#process.kill(signal);
    const late = setTimeout(() => this.#process.kill('SIGKILL'), STOP_MS);
    await this.ended;
    clearTimeout(late);
  }

  end(): Promise<void> {
    return this.stop(this.#kill);
  }

  #hear(line: string): void {
    this.#tail.push(line);
    if (this.#tail.length > TAIL_LINES) this.#tail.shift();
    for (const listener of this.#listeners) listener(line);
  }
}

export class Processes {
  readonly #pids: string;
  readonly #living = new Set<Child>();
  #isOver = false;

  /** `pids`: a folder with a file for each that lives, named by its id, with the signal that ends it. */
  constructor(pids: string) {
    this.#pids = pids;
  }

  async launch(command: string, args: readonly string[], options: Launch = {}): Promise<Child> {
    if (this.#isOver) throw new Error('The bench is over.');
    const { kill = 'SIGKILL', ...rest } = options;
    const process = spawn(command, args, { ...rest, stdio: ['ignore', 'pipe', 'pipe'] });
    await Promise.race([
      once(process, 'spawn'),
      once(process, 'error').then(([error]) => Promise.reject(error)),
    ]);
    const child = new Child(process, kill);
    const file = join(this.#pids, String(child.pid));
    writeFileSync(file, kill.slice('SIG'.length));
    this.#living.add(child);
    void child.ended.then(() => {
      this.#living.delete(child);
      rmSync(file, { force: true });
    });
    return child;
  }

  /** And starts no more. */
  async endAll(): Promise<void> {
    this.#isOver = true;
    await Promise.all([...this.#living].map((child) => child.end()));
  }
}
