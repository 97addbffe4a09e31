/**
 * What the contract says of a field, in the words of docs/api.md: values that are taken and values that are refused.
 * Made by hand and not from the schemas, so that a schema that has become lax is found.
 */
import type { JsonValue } from '../../src/queue/task.ts';
import type { Random } from './random.ts';
import { anyJson, anyObject, textOf, words } from './values.ts';

/** Undefined: the field is missing. */
export type Value = JsonValue | undefined;

export interface Field {
  /** A value that is taken; `marker` recognizes the request in what is stored. */
  valid: (random: Random, marker: string) => Value;
  /** A value that is answered with `invalid_field`; null where everything is taken. */
  invalid: ((random: Random) => Value) | null;
}

/** The most units of a name that rows, events and lists carry. */
export const NAME = 1_000;

const NO_TEXT: Value[] = [undefined, '', '   ', '\t\n', 5, 0, null, true, false, [], ['x'], {}, { x: 'y' }];
const NO_OPTIONAL_TEXT: Value[] = ['', 5, null, true, [], ['x'], {}];

/** Has to be there and say something; the marker is in it. */
export const text: Field = {
  valid: (random, marker) => {
    const said = `${marker} ${words(random)}`;
    return random.chance(0.2) ? `  ${said}\n` : said;
  },
  invalid: (random) => random.pick(NO_TEXT),
};

/** Has to be there, be it `null`. */
export const present: Field = { valid: (random) => anyJson(random), invalid: () => undefined };

/** Everything is taken. */
export const lenient: Field = {
  valid: (random) => (random.chance(0.5) ? anyJson(random) : undefined),
  invalid: null,
};

/** As `lenient`, mostly with a text, whose marker is found again where it is stored; a text has at most `max` units. */
export function lenientText(max: number): Field {
  return {
    valid: (random, marker) => {
      const value = random.chance(0.5) ? `${marker} ${words(random)}` : lenient.valid(random, marker);
      return typeof value === 'string' ? value.slice(0, max) : value;
    },
    invalid: (random) => textOf(random, random.pick([max + 1, 50 * max])),
  };
}

/** In a query, whose values are cut before they are too long: everything is taken. */
export const queryText: Field = { ...lenientText(NAME), invalid: null };

/** The name of a conversation: a few, so that sessions have several tasks; nothing for a new one. */
export const session: Field = {
  valid: (random, marker) => {
    if (random.chance(0.3)) return lenientText(NAME).valid(random, marker);
    return random.chance(0.5) ? `fuzz-session-${random.int(0, 200)}` : undefined;
  },
  invalid: lenientText(NAME).invalid,
};

/** Everything is taken that is at most `max` units of JSON. */
export function boundedJson(max: number): Field {
  return {
    valid: (random, marker) => {
      const value = lenient.valid(random, marker);
      return value === undefined || JSON.stringify(value).length <= max ? value : marker;
    },
    invalid: (random) => ({ long: textOf(random, max) }),
  };
}

/** Optional, strict. */
export function integer(min: number, max: number): Field {
  return {
    valid: (random) => random.pick([undefined, min, max, random.int(min, max)]),
    invalid: (random) =>
      random.pick<Value>([min - 1, max + 1, min + 0.5, String(min), '', null, true, [], [min], {}, 1e308]),
  };
}

/** Optional, strict: 1 to `max` UTF-16 units. */
export function bounded(max: number): Field {
  return {
    valid: (random, marker) =>
      random.pick([undefined, random.pick(['x', '\ud800', ' ']), textOf(random, max), marker]),
    invalid: (random) =>
      random.pick([...NO_OPTIONAL_TEXT, textOf(random, max + 1), textOf(random, 10 * max)]),
  };
}

/** As `bounded`, but it has to be there. */
export function name(max: number): Field {
  const { valid, invalid } = bounded(max);
  return {
    valid: (random, marker) => valid(random, marker) ?? marker,
    invalid: (random) => (random.chance(0.1) ? undefined : invalid?.(random)),
  };
}

/** As `bounded`, but `null` is as good as missing. */
export function boundedOrNull(max: number): Field {
  const { valid } = bounded(max);
  const wrong: Value[] = ['', 5, true, [], ['x'], {}];
  return {
    valid: (random, marker) => (random.chance(0.2) ? null : valid(random, marker)),
    invalid: (random) => random.pick([...wrong, textOf(random, max + 1)]),
  };
}

/** It has to be there, and is nobody else's: a second instance of a runner would take over from the first. */
export function own(max: number): Field {
  return {
    ...name(max),
    valid: (random, marker) => random.pick([marker, marker.padEnd(max, 'é')]),
  };
}

/** This very value: ids of tasks and leases, which are filled in when the request is sent. */
export function exactly(value: string, options: { refused: readonly Value[] }): Field {
  return { valid: () => value, invalid: (random) => random.pick(options.refused) };
}

/** Optional, strict. */
export function choice(values: readonly string[]): Field {
  return {
    valid: (random) => random.pick([undefined, ...values]),
    invalid: (random) =>
      random.pick<Value>(['', 'nonsense', `${values[0]} `, values[0]?.toUpperCase(), null, 1, [], {}]),
  };
}

/** Optional, strict: texts of 1 to 200 units. `required`: it has to be there, be it empty. */
export function ids(options: { required: boolean }): Field {
  const wrong: Value[] = ['x', 5, {}, null, [5], [''], [null], ['i'.repeat(201)], [['x']]];
  return {
    valid: (random, marker) => {
      if (!options.required && random.chance(0.3)) return undefined;
      return random.times(random.pick([0, 1, 3, 100]), (index) => `${marker}-${index}`);
    },
    invalid: (random) => (options.required && random.chance(0.1) ? undefined : random.pick(wrong)),
  };
}

/** Optional, strict: up to `most` texts of 1 to `max` units, no two of them the same. */
export function distinct(most: number, max: number): Field {
  const wrong: Value[] = ['x', 5, {}, null, [5], [''], [null], ['x', 'x'], ['x'.repeat(max + 1)], [['x']]];
  return {
    valid: (random, marker) =>
      random.pick([
        undefined,
        [],
        [marker, words(random).slice(0, max)],
        random.times(most, (index) => `${index}${textOf(random, max - 1)}`),
      ]),
    invalid: (random) => random.pick([...wrong, random.times(most + 1, String)]),
  };
}

/** Optional: an object; those of its fields that the Task API reads are texts. */
export function object(read: readonly string[]): Field {
  return {
    valid: (random, marker) => {
      if (random.chance(0.2)) return undefined;
      const named = random.chance(0.5) ? { [random.pick([...read, 'x'])]: `${marker} ${words(random)}` } : {};
      return { ...anyObject(random), ...named };
    },
    invalid: (random) => {
      const wrong: Value[] = ['x', 5, true, [], [1]];
      const [first] = read;
      return random.pick(
        first === undefined
          ? wrong
          : [...wrong, ...[5, {}, [], true, 'n'.repeat(NAME + 1)].map((value) => ({ [first]: value }))],
      );
    },
  };
}

/** Must not be there. */
export const absent: Field = {
  valid: () => undefined,
  invalid: (random) => random.pick<Value>(['x', '', 5, null, {}, []]),
};

/** In a query: digits only. */
export function queryInteger(min: number, max: number): Field {
  return {
    valid: (random) => random.pick([undefined, ...[min, max, random.int(min, max)].map(String)]),
    invalid: (random) =>
      random.pick([min - 1, max + 1, 'abc', '', '1.5', '1e1', ' 1', '0x1', '9'.repeat(400)].map(String)),
  };
}

/** In a query. */
export function queryChoice(values: readonly string[]): Field {
  return {
    valid: (random) => random.pick([undefined, ...values]),
    invalid: (random) => random.pick(['', 'nonsense', `${values[0]}\0`, `${values[0]},`, '\ud83d\ude00']),
  };
}

/** In a query: one to 16 of these names, separated by commas. */
export function names(values: readonly string[]): Field {
  return {
    valid: (random) =>
      random.pick([undefined, random.pick(values), values.join(','), `${values[0]},${values[0]}`]),
    invalid: (random) => random.pick(['', ',', 'Ünknown', `${values[0]},`, `${values[0]} `, manyNames()]),
  };
}

function manyNames(): string {
  return Array.from({ length: 17 }, (_, index) => `name-${index}`).join(',');
}
