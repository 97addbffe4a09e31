import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { StartError } from './errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

interface Range {
  default: number;
  min: number;
  max: number;
}

/**
 * Reads settings from the environment. What is wrong is collected while reading, so that a person hears of all of it
 * at once (`check`); until then the default stands in. A blank value counts as not set.
 */
export class Settings {
  readonly #env: Environment;
  readonly #problems: string[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  /** Undefined when the variable is not set or blank. */
  get(name: string): string | undefined {
    const value = this.#env[name];
    return value?.trim() ? value : undefined;
  }

  /** The first of these names that is set: a setting and its older names. */
  firstOf(names: readonly string[]): { name: string; value: string } | undefined {
    for (const name of names) {
      const value = this.get(name);
      if (value !== undefined) return { name, value };
    }
    return undefined;
  }

  /** A number of the older system, as forgiving as it was: no number is the default, out of range is clamped. */
  clamped(name: string, range: Range): number {
    const value = Number(this.get(name));
    if (!Number.isFinite(value)) return range.default;
    return Math.min(Math.max(Math.trunc(value), range.min), range.max);
  }

  integer(names: string | readonly string[], range: Range): number {
    const found = this.firstOf([names].flat());
    if (found === undefined) return range.default;
    const value = Number(found.value);
    if (Number.isInteger(value) && value >= range.min && value <= range.max) return value;
    this.wrong(found.name, `an integer from ${range.min} to ${range.max}`, found.value);
    return range.default;
  }

  choice<const T extends string>(name: string, values: readonly T[], fallback: T): T {
    const given = this.get(name);
    if (given === undefined) return fallback;
    const chosen = values.find((value) => value === given);
    if (chosen === undefined) this.wrong(name, `one of ${values.join(', ')}`, given);
    return chosen ?? fallback;
  }

  /** Comma-separated; empty when not set. */
  list(name: string): string[] {
    const parts = (this.get(name) ?? '').split(',').map((part) => part.trim());
    return parts.filter((part) => part !== '');
  }

  /** Absolute; `~/` is the home folder, a relative path starts at the working directory. */
  path(name: string, fallback: string): string {
    return resolve(untilded(this.get(name) ?? fallback));
  }

  /** A path, or a name without a slash, which is looked for on PATH when it is used. */
  program(name: string, fallback: string): string {
    const given = this.get(name) ?? fallback;
    return given.includes('/') ? this.path(name, fallback) : given;
  }

  /** An http or https address without credentials, without the slash at its end. */
  url(names: string | readonly string[], fallback: string): string {
    const found = this.firstOf([names].flat());
    if (found === undefined) return fallback;
    const url = URL.parse(found.value);
    if (url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') {
      return found.value.replace(/\/+$/, '');
    }
    // However it is misspelt: up to the last @ anything may be a password.
    const shown = found.value.replace(/^([a-z][a-z0-9+.-]*:)?[/\\]*.*@/is, '$1//[secret]@');
    this.wrong(found.name, 'an http:// or https:// address without user name and password', shown);
    return fallback;
  }

  /** `given` is shown: never pass a secret. */
  wrong(name: string, expected: string, given: string): void {
    this.problem(`${name}: expected ${expected}, got ${JSON.stringify(given)}.`);
  }

  problem(sentence: string): void {
    this.#problems.push(sentence);
  }

  /** Throws a `StartError` with one line for each problem. */
  check(): void {
    if (this.#problems.length > 0) throw new StartError(this.#problems.join('\n'));
  }
}

function untilded(path: string): string {
  return path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;
}
