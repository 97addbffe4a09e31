/** Values that bodies are made of: ordinary ones, and the ones that programs stumble over. */
import type { JsonObject, JsonValue } from '../../src/queue/task.ts';
import type { Random } from './random.ts';

/** What no stored row may hold unless a client put it into the row's own field: see `pollution`. */
export const POLLUTED = 'fuzz-polluted';

const ODD_TEXTS = [
  'äöü ß',
  'e\u0301 is not \u00e9',
  '\u{1f4a9}\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  'نص عربي \u202e reversed',
  'nul \0 in the middle',
  'lone \ud800 surrogate',
  '\udfff',
  '\ufeffbom',
  'line\nbreak\r\nand\ttab\u2028and\u2029',
  "'; DROP TABLE tasks; --",
  '$(reboot) `id` $HOME %s %n {{x}} <script>',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'null',
  '-1',
  '1e999',
  '\x1b[31m\x07',
  '%00%0d%0aSet-Cookie: a=b',
  '"quoted\\',
];

const ODD_NUMBERS = [
  0,
  -1,
  1,
  0.5,
  -0.1,
  5e-324,
  1.7976931348623157e308,
  -1.7976931348623157e308,
  2 ** 31,
  2 ** 32 + 1,
  2 ** 53,
  2 ** 53 + 2,
  -(2 ** 53),
  2 ** 63,
  1e21,
];

/** Something to read, which says more than blanks. */
export function words(random: Random): string {
  if (random.chance(0.3)) return random.pick(ODD_TEXTS);
  return random.times(random.int(1, 6), () => random.int(0, 36 ** 5).toString(36)).join(' ');
}

/** Of exactly so many UTF-16 units. */
export function textOf(random: Random, units: number): string {
  const unit = random.pick(['x', 'é', '界', '"', '\u0001']);
  return unit.repeat(units);
}

export function number(random: Random): number {
  return random.chance(0.5) ? random.pick(ODD_NUMBERS) : random.int(-1_000_000, 1_000_000);
}

/** Any JSON, of a few levels. */
export function anyJson(random: Random, depth = 3): JsonValue {
  const kinds = {
    text: 4,
    number: 3,
    boolean: 1,
    null: 1,
    array: depth && 1,
    object: depth && 2,
    long: 0.02,
  };
  switch (random.weighted(kinds)) {
    case 'text':
      return words(random);
    case 'number':
      return number(random);
    case 'boolean':
      return random.chance(0.5);
    case 'null':
      return null;
    case 'array':
      return random.times(random.int(0, 4), () => anyJson(random, depth - 1));
    case 'object':
      return anyObject(random, depth);
    case 'long':
      return textOf(random, random.int(1_000, 50_000));
  }
}

export function anyObject(random: Random, depth = 3): JsonObject {
  const entries = random.times(random.int(0, 4), () => [words(random), anyJson(random, depth - 1)]);
  return { ...pollution(random), ...Object.fromEntries(entries) };
}

/** Keys that reach into prototypes where bodies are merged carelessly; every default is tempting. */
export function pollution(random: Random): JsonObject {
  if (random.chance(0.7)) return {};
  const tempting = {
    command: POLLUTED,
    path: POLLUTED,
    prompt: POLLUTED,
    content: POLLUTED,
    sessionKey: POLLUTED,
    maxAttempts: 19,
    type: POLLUTED,
  };
  const own = (name: string, value: JsonObject) => Object.fromEntries([[name, value]]);
  return random.pick([
    own('__proto__', tempting),
    own('constructor', { prototype: tempting }),
    own('constructor', { prototype: { ...own('__proto__', tempting) } }),
    { toString: null, hasOwnProperty: 1, valueOf: 'x', toJSON: POLLUTED },
  ]);
}
