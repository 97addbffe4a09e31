/** The order in which SQLite's files must be written, so that a power failure between two steps takes nothing. */
import { basename } from 'node:path';
import { fileOf, type Moment, pathsOf, type Syscall } from '../support/strace.ts';
import type { Disk } from './disk.ts';

const COPY = /\/events\.db-wal$/;
const EVENT_FD = 'anon_inode:[eventfd]';

export class Order {
  readonly #disk: Disk;
  /** The thread that wrote the log of the event file last, and that log. */
  #copier = { thread: '', log: '' };

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** The step that came too early, in a sentence; null when all is well. To be asked before the disk sees it. */
  disorder({ phase, call }: Moment): string | null {
    if (phase === 'end')
      return call.name.startsWith('unlink') ? this.#atRestart(pathsOf(call)[0] ?? '') : null;
    if (call.name === 'write') return this.#atAnswer(call);
    if (call.name !== 'pwrite64') return null;
    const path = fileOf(call) ?? '';
    if (COPY.test(path)) this.#copier = { thread: call.thread, log: path };
    return this.#atWrite(path) ?? (/, 0$/.test(call.text) ? this.#atRestart(path) : null);
  }

  #atWrite(path: string): string | null {
    if (!path.endsWith('.db') || !this.#disk.isDirty(`${path}-wal`)) return null;
    return `${basename(path)} was written while its write-ahead log was not synced`;
  }

  /** What the copier tells the other threads is what they delete the originals for. */
  #atAnswer(call: Syscall): string | null {
    const { thread, log } = this.#copier;
    if (call.thread !== thread || fileOf(call) !== EVENT_FD || !this.#disk.isDirty(log)) return null;
    return 'events were told to be copied while events.db-wal was not synced';
  }

  /** Its first bytes are written anew, or it is removed: what was in it must be in the database by now. */
  #atRestart(path: string): string | null {
    const database = path.replace(/-wal$/, '');
    if (database === path || !this.#disk.isDirty(database)) return null;
    return `${basename(path)} was begun anew while ${basename(database)} was not synced`;
  }
}
