import { type Clock, pause, within } from '../clock.ts';
import { MAX_CHUNK_CHARS } from '../http/contract/output.ts';
import type { OutputStream } from '../queue/task.ts';
import type { ApiClient } from './api-client.ts';

/** Before a chunk; longer the longer it goes on, so that a day of output is some twenty thousand chunks. */
const FIRST_INTERVAL_MS = 100;
const LONGEST_INTERVAL_MS = 5_000;
const SLOWER_MS = 2;
/** Characters that wait while the Task API is slow or away; beyond, the oldest of them are left out. */
const MAX_WAITING_CHARS = 256 * 1024;
/** Of these, as long as stdout and stderr alternate: their order costs a chunk each time. */
const MAX_PIECES = 16;
/** What the end of a task waits for its last chunks: no result is late for want of a live view. */
const LAST_MS = 2_000;
const RETRY_MS = 2_000;

interface Piece {
  stream: OutputStream;
  chunk: string;
}

export interface LiveOutputParts {
  leaseId: string;
  api: Pick<ApiClient, 'output'>;
  clock: Clock;
}

/**
 * What an attempt prints, on its way to whoever looks on: coalesced into a few numbered chunks a second, one under way
 * at a time. It takes what it is given at once, and never makes a task wait.
 */
export class LiveOutput {
  readonly #parts: LiveOutputParts;
  /** The task has ended: what is left goes out without pauses. */
  readonly #hurry = new AbortController();
  /** Nobody wants more of it: sent, too late, or refused. */
  readonly #over = new AbortController();
  #waiting: Piece[] = [];
  #chars = 0;
  #omitted = 0;
  #seq = 0;
  #sending: Promise<void> | null = null;

  constructor(parts: LiveOutputParts) {
    this.#parts = parts;
  }

  print(stream: OutputStream, text: string): void {
    if (text === '' || this.#over.signal.aborted) return;
    for (const chunk of chunksOf(text)) this.#add(stream, chunk);
    this.#sending ??= this.#send();
  }

  /** `whole`: output that comes in one piece, and so is not too much to wait. Resolves when all is sent, or after 2 s. */
  async end(whole = { stdout: '', stderr: '' }): Promise<void> {
    this.#hurry.abort();
    this.print('stdout', whole.stdout);
    this.print('stderr', whole.stderr);
    if (this.#sending !== null) await within(this.#parts.clock, LAST_MS, this.#sending);
    this.#over.abort();
  }

  async #send(): Promise<void> {
    while (this.#chars > 0 && !this.#over.signal.aborted) {
      // What is printed meanwhile goes along.
      await pause(this.#parts.clock, this.#intervalMs(), this.#hurry.signal);
      for (const piece of this.#takeTurn()) await this.#sendPiece(piece);
    }
    this.#sending = null;
  }

  #intervalMs(): number {
    return Math.min(FIRST_INTERVAL_MS + SLOWER_MS * this.#seq, LONGEST_INTERVAL_MS);
  }

  /** Again and again under one number, until it is there or nobody wants it: an older Task API knows no output. */
  async #sendPiece(piece: Piece): Promise<void> {
    const { api, clock, leaseId } = this.#parts;
    this.#seq += 1;
    while (!this.#over.signal.aborted) {
      const answer = await api.output({ leaseId, seq: this.#seq, ...piece }, this.#over.signal);
      if (answer.kind === 'ok') return;
      if (answer.kind !== 'retry' || answer.status === 404) this.#over.abort();
      else await pause(clock, Math.max(RETRY_MS, answer.retryAfterMs), this.#over.signal);
    }
  }

  /** Joins what was printed to one stream; beyond `MAX_PIECES` also over what was printed to another between. */
  #add(stream: OutputStream, chunk: string): void {
    const places = this.#waiting.length < MAX_PIECES ? this.#waiting.slice(-1) : this.#waiting;
    const last = places.findLast((piece) => piece.stream === stream);
    if (last !== undefined && last.chunk.length + chunk.length <= MAX_CHUNK_CHARS) last.chunk += chunk;
    else this.#waiting.push({ stream, chunk });
    this.#chars += chunk.length;
    if (this.#hurry.signal.aborted) return;
    while (this.#chars > MAX_WAITING_CHARS) this.#omitted += this.#take().chunk.length;
  }

  /** About as much as one chunk may have: where two outputs alternate, none waits for a pause of the other. */
  #takeTurn(): Piece[] {
    const turn = this.#omitted === 0 ? [] : [this.#omission()];
    for (let chars = 0; chars < MAX_CHUNK_CHARS && this.#chars > 0; ) {
      const piece = this.#take();
      turn.push(piece);
      chars += piece.chunk.length;
    }
    return turn;
  }

  #omission(): Piece {
    const chunk = `\n[… ${this.#omitted} characters left out: they came faster than they could be sent …]\n`;
    this.#omitted = 0;
    return { stream: this.#waiting[0]?.stream ?? 'stdout', chunk };
  }

  /** The oldest that waits. */
  #take(): Piece {
    const piece = this.#waiting.shift() ?? { stream: 'stdout', chunk: '' };
    this.#chars -= piece.chunk.length;
    return piece;
  }
}

function* chunksOf(text: string): Generator<string> {
  for (let start = 0, end = 0; start < text.length; start = end) {
    end = borderAt(text, start + MAX_CHUNK_CHARS);
    yield text.slice(start, end);
  }
}

/** The last border between two characters up to `index`. */
function borderAt(text: string, index: number): number {
  const cuts = /[\ud800-\udbff]/.test(text.charAt(index - 1)) && /[\udc00-\udfff]/.test(text.charAt(index));
  return cuts ? index - 1 : index;
}
