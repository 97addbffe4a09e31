/** What a task prints while it runs, shown as it comes; and of its result, what that has not shown. */
import type { CallOptions, LiveChunk, Result, TaskApiClient } from '../client/index.ts';
import { within } from '../clock.ts';
import type { Connected } from './connect.ts';
import { tell, visible, write } from './output.ts';

/** What a terminal may be shown of a text. */
export type Shown = (stream: NodeJS.WriteStream, text: string) => string;

/** More than any result has of one output. */
const MAX_KEPT_CHARS = 8 * 1024 * 1024;
/** The stream of the output ends with the task; this is for one that hangs. */
const LAST_MS = 2_000;
/** In place of what a task printed faster than its runner could send it. */
export const OMISSION = /^\n\[… \d+ characters left out: [^\n]+ …\]\n$/;

const OUTPUTS = ['stdout', 'stderr'] as const;

export class LiveOutput {
  readonly #shown: Shown;
  readonly #over = new AbortController();
  /** Of this attempt. */
  #printed = { stdout: '', stderr: '' };
  #attempt = 0;
  /** Outputs of which something was left out: only the result has all of them. */
  readonly #broken = new Set<string>();

  constructor(shown: Shown = (_, text) => text) {
    this.#shown = shown;
  }

  /** A terminal has been shown all of it. */
  get isWhole(): boolean {
    return OUTPUTS.every((output) => !this.#isCut(output));
  }

  /** Shows what comes while `end` waits for the result. What can't be followed is shown by the result alone. */
  async during<T>({ client, clock }: Connected, taskId: string, options: CallOptions, end: Promise<T>) {
    const following = this.#follow(client, taskId, options).catch(() => {});
    try {
      return await end.finally(() => within(clock, LAST_MS, following));
    } finally {
      this.#over.abort();
    }
  }

  /** What of a result is still to be printed. */
  rest(result: Result): Pick<Result, 'stdout' | 'stderr'> {
    return { stdout: this.#restOf(result, 'stdout'), stderr: this.#restOf(result, 'stderr') };
  }

  async #follow({ tasks }: TaskApiClient, taskId: string, { signal, patienceMs }: CallOptions) {
    const over = this.#over.signal;
    const either = signal === undefined ? over : AbortSignal.any([signal, over]);
    for await (const piece of tasks.output(taskId, { signal: either, patienceMs })) {
      if (either.aborted) return;
      if ('chunk' in piece) await this.#show(piece);
      else for (const output of OUTPUTS) this.#broken.add(output);
    }
  }

  async #show({ attempt, stream, chunk }: LiveChunk): Promise<void> {
    if (attempt !== this.#attempt) this.#begin(attempt);
    if (OMISSION.test(chunk)) this.#broken.add(stream);
    if (stream === 'transcript') {
      if (process.stderr.isTTY) await write(process.stderr, visible(chunk));
      return;
    }
    const to = process[stream];
    // A program is given the output itself, and so no more of it before the end.
    if (this.#broken.has(stream) && !to.isTTY) return;
    if (this.#printed[stream].length < MAX_KEPT_CHARS) this.#printed[stream] += chunk;
    await write(to, this.#shown(to, chunk));
  }

  #begin(attempt: number): void {
    if (this.#attempt > 0) tell(`It is tried again: attempt ${attempt}.`);
    this.#attempt = attempt;
    this.#printed = { stdout: '', stderr: '' };
  }

  #restOf(result: Result, output: 'stdout' | 'stderr'): string {
    if (this.#isCut(output)) return '';
    return result[output].slice(commonLength(result[output], this.#printed[output]));
  }

  #isCut(output: 'stdout' | 'stderr'): boolean {
    return this.#broken.has(output) && process[output].isTTY;
  }
}

/** How many characters two texts begin with that are the same. */
function commonLength(a: string, b: string): number {
  if (a.startsWith(b)) return b.length;
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
