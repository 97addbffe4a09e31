import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Log } from '../log.ts';
import { makeFolder } from '../paths.ts';
import { syncFolder } from './durable.ts';

/** What may stay in the folder; beyond it the oldest go, but never the newest one. */
export interface RejectedLimits {
  files: number;
  bytes: number;
}

/** `spool/rejected`: results that the Task API refused and files that are no results, for a person to look at. */
export class Rejected {
  readonly #folder: string;
  readonly #limits: RejectedLimits;
  readonly #log: Log;

  constructor(folder: string, limits: RejectedLimits, log: Log) {
    this.#folder = folder;
    this.#limits = limits;
    this.#log = log;
  }

  /** Makes the folder, and the spool above it; the names in it, the oldest first. */
  async open(): Promise<string[]> {
    makeFolder(this.#folder, 0o700);
    return this.#names();
  }

  /** Moves a file here, under a name that sorts behind those of the earlier ones. Throws when the disk does not let it. */
  async take(path: string, name: string): Promise<void> {
    await rename(path, join(this.#folder, name));
    await syncFolder(this.#folder);
    await syncFolder(dirname(path));
    await this.#trim();
  }

  async #trim(): Promise<void> {
    const names = await this.#names();
    const sizes = await Promise.all(names.map((name) => this.#bytes(name)));
    let [files, bytes] = [names.length, sizes.reduce((sum, size) => sum + size, 0)];
    for (const [index, name] of names.slice(0, -1).entries()) {
      if (files <= this.#limits.files && bytes <= this.#limits.bytes) return;
      await rm(join(this.#folder, name), { recursive: true, force: true });
      this.#log.warn({ file: `${basename(this.#folder)}/${name}` }, 'too much is set aside; the oldest goes');
      files -= 1;
      bytes -= sizes[index] ?? 0;
    }
  }

  async #names(): Promise<string[]> {
    return (await readdir(this.#folder)).sort();
  }

  /** 0 of what can't be looked at. */
  async #bytes(name: string): Promise<number> {
    const found = await stat(join(this.#folder, name)).catch(() => null);
    return found?.size ?? 0;
  }
}
