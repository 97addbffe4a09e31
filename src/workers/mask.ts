import type { JsonValue } from '../queue/task.ts';

/**
 * Secrets that a runner knows, kept out of what leaves it: as they are, in JSON, in a URL, and in base64, wherever in a
 * text they were encoded, and broken into lines or not (`base64` breaks them at 76). It works on bytes (as latin1, one character a
 * byte), so that no encoding of the output hides one.
 */

const MASK = '[secret]';
/** A shorter value is too likely to be an ordinary word. */
const MIN_SECRET_CHARS = 8;
/** Names of the environment whose values count as secrets. */
const SECRET_NAME = /(TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|APIKEY|(^|_)KEY)S?$/i;

/** The values of an environment's secrets. */
export function secretsIn(env: NodeJS.ProcessEnv): string[] {
  return Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && SECRET_NAME.test(name) ? [value] : [],
  );
}

export class Mask {
  readonly #patterns: readonly string[];
  readonly #any: RegExp | null;

  /** Those of fewer than 8 characters are left out. */
  constructor(secrets: Iterable<string>) {
    const known = [...new Set(secrets)].map((secret) => secret.trim());
    const long = known.filter((secret) => secret.length >= MIN_SECRET_CHARS);
    // The longest first: one secret may be the beginning of another.
    const forms = long.flatMap(formsOf).map(unbroken);
    this.#patterns = [...new Set(forms)].sort((a, b) => b.length - a.length);
    this.#any = this.#patterns.length === 0 ? null : new RegExp(this.#patterns.map(breakable).join('|'), 'g');
  }

  /** `text` without them. */
  text(text: string): string {
    if (this.#any === null) return text;
    const bytes = Buffer.from(text).toString('latin1');
    const masked = this.bytes(bytes);
    return masked === bytes ? text : Buffer.from(masked, 'latin1').toString();
  }

  /** The same for each text in a value. */
  json<Value extends JsonValue>(value: Value): Value {
    if (this.#any === null) return value;
    return JSON.parse(JSON.stringify(value), (_, part) =>
      typeof part === 'string' ? this.text(part) : part,
    );
  }

  /** For output that comes in pieces: a secret may be cut anywhere. */
  stream(): MaskStream {
    return new MaskStream(this);
  }

  /** The same for bytes, as latin1. */
  bytes(bytes: string): string {
    return this.#any === null ? bytes : bytes.replace(this.#any, MASK);
  }

  /** `bytes` without them, and the end of it that may be the beginning of one, though it be a shorter one itself. */
  split(bytes: string): { masked: string; rest: string } {
    if (this.#any === null) return { masked: bytes, rest: '' };
    const masked = bytes.replace(this.#any, (found, at: number) => (this.#mayGoOn(bytes, at) ? found : MASK));
    const held = heldBack(masked, this.#patterns);
    return { masked: masked.slice(0, masked.length - held), rest: masked.slice(masked.length - held) };
  }

  /** Whether the secret that was found at `at` may be the beginning of a longer one that has not all come yet. */
  #mayGoOn(bytes: string, at: number): boolean {
    const [longest = ''] = this.#patterns;
    // A line break between any two characters of it is the most that there can be.
    const end = unbroken(bytes.slice(at, at + 3 * longest.length));
    return this.#patterns.some((pattern) => pattern.length > end.length && pattern.startsWith(end));
  }
}

export class MaskStream {
  readonly #mask: Mask;
  #rest = '';

  constructor(mask: Mask) {
    this.#mask = mask;
  }

  /** What of it can go out now. */
  push(chunk: Buffer): Buffer {
    const { masked, rest } = this.#mask.split(this.#rest + chunk.toString('latin1'));
    this.#rest = rest;
    return Buffer.from(masked, 'latin1');
  }

  /** What was held back. */
  end(): Buffer {
    const rest = this.#mask.bytes(this.#rest);
    this.#rest = '';
    return Buffer.from(rest, 'latin1');
  }
}

/** A secret as it may be printed; as latin1. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const written = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
  const plain = written.map((text) => Buffer.from(text).toString('latin1'));
  return [...plain, ...[0, 1, 2].flatMap((offset) => base64Of(bytes, offset))];
}

/**
 * What base64 makes of `bytes` when `offset` bytes are before them in their group of three: only the characters that
 * depend on nothing else, in both alphabets.
 */
function base64Of(bytes: Buffer, offset: number): string[] {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
    .toString('base64')
    .replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const whole = Math.floor(((offset + bytes.length) * 8) / 6);
  const text = encoded.slice(first, whole);
  return [text, text.replaceAll('+', '-').replaceAll('/', '_')];
}

/** How many characters at the end of `text` may be the beginning of a secret, line breaks in it counted. */
function heldBack(text: string, patterns: readonly string[]): number {
  const end = unbroken(text.slice(-2 * (patterns[0]?.length ?? 0)));
  const begun = Math.max(0, ...patterns.map((pattern) => begunOf(end, pattern)));
  if (begun === 0) return 0;
  let [at, seen] = [text.length, 0];
  while (seen < begun) if (!isBreak(text[--at])) seen += 1;
  return text.length - at;
}

/** How many characters at the end of `text` are the beginning of `pattern`. */
function begunOf(text: string, pattern: string): number {
  const longest = Math.min(pattern.length - 1, text.length);
  for (let length = longest; length > 0; length -= 1) {
    if (text.endsWith(pattern.slice(0, length))) return length;
  }
  return 0;
}

const isBreak = (character: string | undefined) => character === '\n' || character === '\r';

function unbroken(text: string): string {
  return text.replace(/[\r\n]/g, '');
}

/** The characters of a secret, with or without a line break between any two. */
function breakable(pattern: string): string {
  const characters = [...pattern].map((character) => character.replace(/[.*+?^${}()|[\]\\/-]/, '\\$&'));
  return characters.join('(?:\\r?\\n)?');
}
