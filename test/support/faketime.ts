/** Real processes whose clock on the wall a test sets, by libfaketime: their steady clock and their timers go on. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './temp-folder.ts';

/** Where Debian, and those who build it themselves, put it; the variant for programs with several threads. */
const LIBRARY = ['/usr/local/lib', '/usr/lib', ...triplets('/usr/lib')]
  .map((folder) => join(folder, 'faketime/libfaketimeMT.so.1'))
  .find(existsSync);

/** A clock that one or several processes have, when their environment has its `env`. */
export class WallClock {
  readonly env: Record<string, string>;
  readonly #file = join(tempFolder(), 'wall-clock');

  constructor() {
    this.env = {
      LD_PRELOAD: LIBRARY ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    };
    this.set(0);
  }

  /** Sets it so far from the right time, in whole seconds, for whoever looks at it next. */
  set(offsetSeconds: number): void {
    const draft = `${this.#file}.new`;
    writeFileSync(draft, `${offsetSeconds < 0 ? '-' : '+'}${Math.abs(offsetSeconds)}`);
    renameSync(draft, this.#file);
  }
}

/** Why no process can have a clock of its own here, in a sentence; null when it can. */
export function faketimeProblem(): string | null {
  if (LIBRARY === undefined) return 'libfaketime is missing; install faketime';
  const env = { LD_PRELOAD: LIBRARY, FAKETIME: '+3600s' };
  const { stdout } = spawnSync(process.execPath, ['-p', 'Date.now()'], { env, encoding: 'utf8' });
  return Number(stdout) > Date.now() + 3_000_000 ? null : 'libfaketime does not move the clock of Node';
}

/** `x86_64-linux-gnu` and the like. */
function triplets(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.includes('-linux-'))
    .map((name) => join(folder, name));
}
