/** What a task prints while it runs, shown as it comes; and of its result, what that has not shown. */
import type { CallOptions, LiveChunk, Result, TaskApiClient } from '../client/index.ts';
import { within } from '../clock.ts';
import type { Connected } from './connect.ts';
import { tell, visible, write } from './output.ts';

/** What a terminal may be shown of a text. */
export type Shown = (stream: NodeJS.WriteStream, text: string) => string;

/** More than any result has of one output. */
const MAX_KEPT_CHARS = 8 * 1024 * 1024;
/** In a result, in place of the middle of what was long. */
const MARKER = /\n\[… \d+ of (\d+) bytes left out …\]\n/g;
/** The stream of the output ends with the task; this is for one that hangs. */
const LAST_MS = 2_000;
/** In place of what a task printed faster than its runner could send it. */
export const OMISSION = /^\n\[… \d+ characters left out: [^\n]+ …\]\n$/;

const OUTPUTS = ['stdout', 'stderr'] as const;

/** What one output was given, of this attempt or of an earlier one. */
interface Printed {
  text: string;
  /** Also of what `text` has no room for. */
  bytes: number;
  /** Something was left out: only the result has all of it. */
  isBroken: boolean;
}

const NOTHING: Printed = { text: '', bytes: 0, isBroken: false };

export class LiveOutput {
  readonly #shown: Shown;
  readonly #over = new AbortController();
  readonly #printed = { stdout: NOTHING, stderr: NOTHING };
  /** What a terminal was shown of an AI CLI, in this attempt. */
  #transcript = '';
  #attempt = 0;

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
      else this.#break();
    }
  }

  async #show({ attempt, stream, chunk }: LiveChunk): Promise<void> {
    if (attempt !== this.#attempt) this.#begin(attempt);
    // It may stand for both outputs.
    if (OMISSION.test(chunk)) this.#break();
    if (stream === 'transcript') return this.#showTranscript(visible(chunk));
    const { text, bytes, isBroken } = this.#printed[stream];
    const to = process[stream];
    // A program is given the output itself, and so no more of it before the end.
    if (isBroken && !to.isTTY) return;
    const kept = text.length < MAX_KEPT_CHARS ? text + chunk : text;
    this.#printed[stream] = { text: kept, bytes: bytes + Buffer.byteLength(chunk), isBroken };
    await write(to, this.#shown(to, chunk));
  }

  async #showTranscript(text: string): Promise<void> {
    if (!process.stderr.isTTY) return;
    this.#transcript = (this.#transcript + text).slice(-MAX_KEPT_CHARS);
    await write(process.stderr, text);
  }

  #break(): void {
    for (const output of OUTPUTS) this.#printed[output] = { ...this.#printed[output], isBroken: true };
  }

  /** A person sees it from its beginning. What a program has of an earlier attempt is mostly the beginning of this. */
  #begin(attempt: number): void {
    if (this.#attempt > 0) {
      if (process.stderr.isTTY) tell(`It is tried again: attempt ${attempt}.`);
      this.#break();
      for (const output of OUTPUTS) if (process[output].isTTY) this.#printed[output] = NOTHING;
    }
    this.#attempt = attempt;
    this.#transcript = '';
  }

  #restOf(result: Result, output: 'stdout' | 'stderr'): string {
    if (output === 'stdout' && this.#hasShown(result.stdout)) return '';
    return this.#isCut(output) ? '' : restAfter(this.#printed[output], result[output]);
  }

  /** A transcript ends with the answer: who has read along is not told it twice. */
  #hasShown(answer: string): boolean {
    const text = visible(answer).trim();
    return process.stdout.isTTY && text !== '' && this.#transcript.trimEnd().endsWith(text);
  }

  #isCut(output: 'stdout' | 'stderr'): boolean {
    return this.#printed[output].isBroken && process[output].isTTY;
  }
}

/** What of a result's output follows on what was printed, also where it lacks a middle that was. */
function restAfter({ text, bytes }: Printed, whole: string): string {
  const common = commonLength(whole, text);
  const follows = whole.slice(common);
  if (common === text.length) return follows;
  const marker = [...whole.matchAll(MARKER)].find(
    ({ 0: { length }, index }) => index <= common && common < index + length,
  );
  if (marker === undefined) return follows;
  const end = Buffer.from(whole.slice(marker.index + marker[0].length));
  const missing = Math.max(0, Number(marker[1]) - bytes);
  if (missing <= end.length) return end.subarray(end.length - missing).toString();
  return marker[0].replace(/\d+/, String(missing - end.length)) + end;
}

/** How many characters two texts begin with that are the same. */
function commonLength(a: string, b: string): number {
  if (a.startsWith(b)) return b.length;
  let length = 0;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
