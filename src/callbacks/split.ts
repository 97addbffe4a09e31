/** Cuts a long text into messages that a chat shows well. Lengths are UTF-16 units, as JavaScript counts. */

const MAX_CHUNKS = 10;
/** A code fence alone on its line; what follows the backticks names the language. */
const FENCE = /^[ \t]*(`{3,16})([^`]*)$/;
const MAX_LANGUAGE_CHARS = 32;
/** Room for a line break and the longest closing fence. */
const CLOSING_CHARS = 17;

interface Fence {
  marker: string;
  /** What opens it again in the next message. */
  opening: string;
}

/** A place to cut, and the fence that is open there. */
interface Cut {
  at: number;
  fence: Fence | null;
}

/**
 * The messages of `text`, in order, none longer than `limit` (at least 200) and none blank. Cuts at line breaks,
 * outside of code where that leaves a message at least half full, else inside with the fence closed and opened
 * again; within a line only where the line alone is too long. After 10 messages a last one is `more(left)`, which
 * is told how many characters are left out. Deterministic: a retry finds the same messages.
 */
export function splitText(text: string, limit: number, more: (left: number) => string): string[] {
  const chunks: string[] = [];
  let cut: Cut = { at: 0, fence: null };
  while (cut.at < text.length) {
    if (chunks.length === MAX_CHUNKS) return [...chunks, more(text.length - cut.at)];
    const next = nextCut(text, cut, limit);
    const chunk = render(text.slice(cut.at, next.at), cut.fence, next.fence);
    if (chunk.trim() !== '') chunks.push(chunk);
    cut = next;
  }
  return chunks;
}

/**
 * `text` in one message: where it is too long, up to a place to cut, and `more(left)` on a line of its own. A long line
 * behind a few short ones is cut, too: no other message brings it.
 */
export function cutText(text: string, limit: number, more: (left: number) => string): string {
  if (text.length <= limit) return text;
  const room = limit - more(text.length).length - 1;
  const lines = nextCut(text, { at: 0, fence: null }, room);
  const cut = lines.at >= room / 2 ? lines : withinLine(text, lines, room - CLOSING_CHARS);
  return `${render(text.slice(0, cut.at), null, cut.fence).trimEnd()}\n${more(text.length - cut.at)}`;
}

function render(body: string, opened: Fence | null, open: Fence | null): string {
  const head = opened === null ? '' : `${opened.opening}\n`;
  if (open === null) return head + body;
  return head + body + (body.endsWith('\n') ? '' : '\n') + open.marker;
}

function nextCut(text: string, from: Cut, limit: number): Cut {
  const end = from.at + limit - (from.fence === null ? 0 : from.fence.opening.length + 1);
  let last = from;
  let outside = from;
  while (last.at < text.length) {
    const next = afterLine(text, last, end);
    if (next === null) break;
    last = next;
    if (next.fence === null) outside = next;
  }
  if (last.at === from.at) return withinLine(text, from, end - CLOSING_CHARS);
  return last.at < text.length && outside.at - from.at >= limit / 2 ? outside : last;
}

/** The cut behind the line that begins at `from`, or null when it would not fit before `end`. */
function afterLine(text: string, from: Cut, end: number): Cut | null {
  const lineBreak = text.indexOf('\n', from.at);
  const at = lineBreak === -1 ? text.length : lineBreak + 1;
  if (at > end) return null;
  const fence = fenceAfter(text.slice(from.at, at), from.fence);
  return at + (fence === null ? 0 : fence.marker.length + 1) > end ? null : { at, fence };
}

/** A cut in the middle of a line: at a blank in its second half if there is one, never inside a surrogate pair. */
function withinLine(text: string, from: Cut, end: number): Cut {
  const blank = text.lastIndexOf(' ', end - 1) + 1;
  const at = blank - from.at > (end - from.at) / 2 ? blank : isPair(text, end) ? end - 1 : end;
  return { at, fence: fenceAfter(text.slice(from.at, at), from.fence) };
}

function isPair(text: string, at: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(at - 1, at + 1));
}

function fenceAfter(line: string, fence: Fence | null): Fence | null {
  const match = FENCE.exec(line.trimEnd());
  if (match === null) return fence;
  const [, marker = '', rest = ''] = match;
  const [language = ''] = rest.trim().split(/\s/, 1);
  if (fence === null) return { marker, opening: marker + language.slice(0, MAX_LANGUAGE_CHARS) };
  return language === '' && marker.length >= fence.marker.length ? null : fence;
}
