/**
 * What of a folder a power failure would leave, told by the system calls of the processes that write there: the bytes
 * that a returned sync covers, under names that a returned sync of their folder covers.
 */
import { dirname } from 'node:path';
import { fileOf, type Moment, pathsOf, type Syscall } from '../support/strace.ts';

/** A file, whatever its names. Times are moments of the trace, counted from 1; 0 is never. */
interface File {
  writtenAt: number;
  /** Begin of the latest sync that has returned: what was written before it is on disk. */
  syncedAt: number;
}

/** A file's or a folder's entry in the folder that it is in. */
interface Name {
  /** Null: a folder. */
  file: File | null;
  madeAt: number;
}

const WRITES = new Set(['write', 'writev', 'pwrite64', 'pwritev', 'pwritev2', 'ftruncate', 'fallocate']);
const SYNCS = new Set(['fsync', 'fdatasync']);
/** Side files that nothing is read from after a power failure, and drafts that get another name. */
const PASSING = /(-shm|-journal|\.lock|\.tmp)$/;

export class Disk {
  readonly #root: string;
  readonly #names = new Map<string, Name>();
  /** Folders: the begin of the latest sync that has returned. */
  readonly #foldersSyncedAt = new Map<string, number>();
  readonly #syncs = new Map<Syscall, number>();
  #now = 0;

  /** Only what is made below `root` from now on is looked at. */
  constructor(root: string) {
    this.#root = root;
  }

  see({ phase, call }: Moment): void {
    this.#now++;
    if (phase === 'begin') this.#begin(call);
    else if (!call.result?.startsWith('-1')) this.#end(call);
  }

  /** Why a power failure now would take something of this path, or it is not there; null when it would not. */
  loss(path: string): string | null {
    const name = this.#names.get(path);
    if (name === undefined) return `${this.#short(path)} was never made`;
    if (name.file !== null && this.#isDirty(name.file)) return `${this.#short(path)} is not synced`;
    return this.#namesLost(path);
  }

  /** The same for everything that is there to stay. */
  losses(): string[] {
    const kept = [...this.#names.keys()].filter((path) => !PASSING.test(path));
    return [...new Set(kept.flatMap((path) => this.loss(path) ?? []))];
  }

  isDirty(path: string): boolean {
    const file = this.#names.get(path)?.file ?? null;
    return file !== null && this.#isDirty(file);
  }

  /** All that are there. */
  get paths(): string[] {
    return [...this.#names.keys()];
  }

  #begin(call: Syscall): void {
    if (SYNCS.has(call.name)) this.#syncs.set(call, this.#now);
    const file = WRITES.has(call.name) ? this.#names.get(fileOf(call) ?? '')?.file : undefined;
    if (file) file.writtenAt = this.#now;
  }

  #end(call: Syscall): void {
    const [first = '', second = ''] = pathsOfNaming(call);
    if (SYNCS.has(call.name)) this.#synced(fileOf(call) ?? '', this.#syncs.get(call) ?? 0);
    else if (/^(openat|open|creat)$/.test(call.name)) this.#opened(first, call);
    else if (call.name.startsWith('mkdir')) this.#make(first, null);
    else if (call.name.startsWith('unlink')) this.#names.delete(first);
    else if (call.name.startsWith('link')) this.#make(second, this.#names.get(first)?.file ?? null);
    else if (call.name.startsWith('rename')) this.#rename(first, second);
  }

  #opened(path: string, call: Syscall): void {
    if (/O_CREAT/.test(call.text) && !this.#names.has(path)) this.#make(path, { writtenAt: 0, syncedAt: 0 });
  }

  #make(path: string, file: File | null): void {
    if (path.startsWith(`${this.#root}/`)) this.#names.set(path, { file, madeAt: this.#now });
  }

  #rename(from: string, to: string): void {
    const name = this.#names.get(from);
    if (name === undefined) return;
    this.#names.delete(from);
    this.#make(to, name.file);
  }

  #synced(path: string, begunAt: number): void {
    const file = this.#names.get(path)?.file;
    // Of two that overlap, the one that began earlier may return later.
    if (file) file.syncedAt = Math.max(file.syncedAt, begunAt);
    else this.#foldersSyncedAt.set(path, Math.max(this.#folderSyncedAt(path), begunAt));
  }

  #folderSyncedAt(path: string): number {
    return this.#foldersSyncedAt.get(path) ?? 0;
  }

  #isDirty({ writtenAt, syncedAt }: File): boolean {
    return writtenAt > syncedAt;
  }

  #namesLost(path: string): string | null {
    const name = this.#names.get(path);
    if (name === undefined) return null;
    const folder = dirname(path);
    if (name.madeAt <= this.#folderSyncedAt(folder)) return this.#namesLost(folder);
    return `the folder of ${this.#short(path)} was not synced since it was made`;
  }

  #short(path: string): string {
    return path.slice(this.#root.length + 1);
  }
}

/** Other calls have whole pages of data among their arguments. */
function pathsOfNaming(call: Syscall): string[] {
  return /^(open|creat|mkdir|unlink|link|rename)/.test(call.name) ? pathsOf(call) : [];
}
