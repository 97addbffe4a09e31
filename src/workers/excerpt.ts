/**
 * Long output is kept head and tail, with a marker between them that tells how much there was: a command that
 * prints gigabytes costs no more memory than its limit, and what it said first and last is there.
 */

const MARKER = /\n\[… (\d+) of (\d+) bytes left out …\]\n/;

function marker(omitted: number, total: number): string {
  return `\n[… ${omitted} of ${total} bytes left out …]\n`;
}

/** Collects bytes, keeps at most `limitBytes` of them, and never cuts a character in two. */
export class Excerpt {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor(limitBytes: number) {
    this.#half = Math.ceil(limitBytes / 2);
  }

  push(chunk: Buffer): void {
    this.#total += chunk.length;
    const first = chunk.subarray(0, this.#half - this.#headBytes);
    if (first.length > 0) this.#head.push(first);
    this.#headBytes += first.length;
    this.#pushTail(chunk.subarray(first.length));
  }

  text(): string {
    const head = Buffer.concat(this.#head);
    const tail = lastBytes(this.#tail, this.#half);
    const omitted = this.#total - head.length - tail.length;
    if (omitted === 0) return Buffer.concat([head, tail]).toString('utf8');
    const [start, end] = [wholeEnd(head), wholeStart(tail)];
    const left = omitted + (head.length - start.length) + (tail.length - end.length);
    return start.toString('utf8') + marker(left, this.#total) + end.toString('utf8');
  }

  /** Compacts at twice the limit, so that a byte is copied a bounded number of times however small the chunks are. */
  #pushTail(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#tail.push(chunk);
    this.#tailBytes += chunk.length;
    if (this.#tailBytes < 2 * this.#half) return;
    this.#tail = [Buffer.from(lastBytes(this.#tail, this.#half))];
    this.#tailBytes = this.#half;
  }
}

/** `text`, or its head and tail, when it has more than `limitBytes`. */
export function excerptOf(text: string, limitBytes: number): string {
  const excerpt = new Excerpt(limitBytes);
  excerpt.push(Buffer.from(text));
  return excerpt.text();
}

function lastBytes(chunks: Buffer[], count: number): Buffer {
  const all = Buffer.concat(chunks);
  return all.subarray(Math.max(all.length - count, 0));
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;

/** Without the UTF-8 character that was cut at the end. */
function wholeEnd(bytes: Buffer): Buffer {
  let start = bytes.length - 1;
  while (start > bytes.length - 4 && isContinuation(bytes[start])) start -= 1;
  const lead = bytes[start] ?? 0;
  const length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
  return start + length > bytes.length ? bytes.subarray(0, start) : bytes;
}

/** Without the rest of a UTF-8 character that was cut at the start. */
function wholeStart(bytes: Buffer): Buffer {
  let start = 0;
  while (start < 3 && isContinuation(bytes[start])) start += 1;
  return bytes.subarray(start);
}

/** How many bytes `text` takes inside a JSON string, quotes not counted: a control character becomes six. */
export function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

/** `text`, or its head and tail and a marker, so that it takes at most `budget` bytes inside a JSON string. */
export function excerptOfJson(text: string, budget: number): string {
  const total = jsonBytes(text);
  if (total <= budget) return text;
  const half = Math.max(Math.floor((budget - MARKER_ROOM) / 2), LARGEST_CHARACTER);
  const headEnd = borderAfter(text, half - LARGEST_CHARACTER);
  const tailStart = borderAfter(text, total - half);
  const omitted = text.slice(headEnd, tailStart);
  return text.slice(0, headEnd) + markerFor(text, omitted) + text.slice(tailStart);
}

/** More than any marker takes. */
const MARKER_ROOM = 100;
/** Bytes of JSON that one character takes at most: `\\u0000`. */
const LARGEST_CHARACTER = 6;

/** The first border between two characters that has at least `bytes` bytes of JSON before it. */
function borderAfter(text: string, bytes: number): number {
  let index = 0;
  for (let sum = 0; sum < bytes && index < text.length; ) {
    const code = text.codePointAt(index) ?? 0;
    sum += jsonBytesOf(code);
    index += code > 0xffff ? 2 : 1;
  }
  return index;
}

/** As `JSON.stringify` writes it in UTF-8. A call of that for each character of 5 MiB would block for a second. */
function jsonBytesOf(code: number): number {
  if (code === 0x22 || code === 0x5c || (code >= 0x08 && code <= 0x0d && code !== 0x0b)) return 2;
  if (code < 0x20 || (code >= 0xd800 && code <= 0xdfff)) return LARGEST_CHARACTER;
  if (code < 0x80) return 1;
  if (code < 0x800) return 2;
  return code > 0xffff ? 4 : 3;
}

/** Where the omitted part holds a marker already, the new one tells of both. */
function markerFor(text: string, omitted: string): string {
  const [whole = '', before = '0', total] = MARKER.exec(omitted) ?? [];
  const bytes = Buffer.byteLength(omitted) - Buffer.byteLength(whole) + Number(before);
  return marker(bytes, total === undefined ? Buffer.byteLength(text) : Number(total));
}
