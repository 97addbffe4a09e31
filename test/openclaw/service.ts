/** Our Task API or our runner as a real process, which a test can stop and start again: the same port, the same data. */
import { type LogLine, launch, type Running } from '../support/processes.ts';
import { endsWithUs } from './last-resort.ts';

/** What each says when it works. */
const READY = { 'task-api': 'ready', runner: 'runner polls' };

export class Service {
  readonly #subcommand: keyof typeof READY;
  readonly #env: Record<string, string>;
  #running: Running | undefined;
  readonly #earlier: LogLine[] = [];

  constructor(subcommand: keyof typeof READY, env: Record<string, string>) {
    this.#subcommand = subcommand;
    this.#env = env;
  }

  /** What it has logged, over all its starts. */
  get lines(): LogLine[] {
    return [...this.#earlier, ...(this.#running?.lines ?? [])];
  }

  /** Resolves when it works; `change` is more environment, this time. */
  async start(change: Record<string, string> = {}): Promise<void> {
    // Whoever opened the stage closes it.
    this.#running = launch(this.#subcommand, { ...this.#env, ...change }, () => {});
    endsWithUs(this.#running.child);
    await this.#running.says(READY[this.#subcommand]);
  }

  /** Asks it to end. */
  async stop(): Promise<number | null> {
    const running = this.#given();
    return running === undefined ? null : running.stop();
  }

  /** kill -9, awaited. */
  async die(): Promise<void> {
    await this.#given()?.die();
  }

  async restart(change?: Record<string, string>): Promise<void> {
    await this.stop();
    await this.start(change);
  }

  #given(): Running | undefined {
    const running = this.#running;
    if (running === undefined) return undefined;
    this.#running = undefined;
    this.#earlier.push(...running.lines);
    return running.child.exitCode === null && running.child.signalCode === null ? running : undefined;
  }
}
