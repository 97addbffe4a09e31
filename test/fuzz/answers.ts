/** Reads HTTP answers out of the bytes that come back, strictly: what is no answer is said to be none. */

export interface Answer {
  status: number;
  /** Names in lower case. */
  headers: Readonly<Record<string, string>>;
  text: string;
  /** Undefined when it is no JSON. */
  json: unknown;
}

/** Bytes of the heads that we take; ours are far shorter. */
const MAX_HEAD_BYTES = 65_536;

/** One connection's answers, in order. */
export class AnswerReader {
  readonly answers: Answer[] = [];
  /** What came is no HTTP. */
  garbled = false;
  /** An answer without end has begun: it is taken by its head, and nothing that follows is read. */
  endless = false;
  readonly #isHead: boolean;
  #bytes: Buffer = Buffer.alloc(0);

  /** `isHead`: the requests are HEADs, whose answers have no body. */
  constructor(isHead: boolean) {
    this.#isHead = isHead;
  }

  push(bytes: Buffer): void {
    if (this.endless) return;
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes]);
    while (!this.garbled && !this.endless && this.#next());
  }

  /** Something has come that is not a whole answer yet. */
  get midway(): boolean {
    return this.#bytes.length > 0;
  }

  /** Takes one answer if it is there. */
  #next(): boolean {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) {
      this.garbled = this.#bytes.length > MAX_HEAD_BYTES || !couldBegin(this.#bytes);
      return false;
    }
    const head = parseHead(this.#bytes.toString('latin1', 0, end));
    if (head === null) {
      this.garbled = true;
      return false;
    }
    this.endless = !this.#isHead && isStream(head);
    const length = this.#lengthOf(head, end + 4);
    if (length === null || this.#bytes.length < end + 4 + length) return false;
    const text = this.#bytes.toString('utf8', end + 4, end + 4 + length);
    this.#bytes = this.#bytes.subarray(end + 4 + length);
    if (head.status >= 200) this.answers.push({ ...head, text, json: jsonOf(text) });
    return true;
  }

  /** Bytes of the body that begins at `start`; null when its end is not there yet. */
  #lengthOf({ status, headers }: Pick<Answer, 'status' | 'headers'>, start: number): number | null {
    if (status < 200) return 0;
    // Whoever refuses what is no HTTP does not know that it was a HEAD; nothing can follow.
    if (this.#isHead) return headers.connection === 'close' ? this.#bytes.length - start : 0;
    if (this.endless) return 0;
    if (headers['transfer-encoding'] !== 'chunked') return Number(headers['content-length'] ?? 0);
    const end = this.#bytes.indexOf(LAST_CHUNK, start);
    return end < 0 ? null : end + LAST_CHUNK.length - start;
  }
}

/** What ends a body in chunks; ours never come in any, so nothing of it is read. */
const LAST_CHUNK = '0\r\n\r\n';

export function isStream({ headers }: Pick<Answer, 'headers'>): boolean {
  return headers['content-type'] === 'text/event-stream; charset=utf-8';
}

function couldBegin(bytes: Buffer): boolean {
  const start = bytes.toString('latin1', 0, 5);
  return 'HTTP/'.startsWith(start);
}

function parseHead(head: string): Pick<Answer, 'status' | 'headers'> | null {
  const [first = '', ...lines] = head.split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1];
  if (status === undefined) return null;
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([!-9;-~]+): ?(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) return null;
    headers[name.toLowerCase()] = value;
  }
  return { status: Number(status), headers };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
