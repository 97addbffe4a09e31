import { lstat, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_BODY_BYTES, type ResultBody } from '../http/contract/worker.ts';
import type { Log } from '../log.ts';
import { writeDurably } from './durable.ts';
import { fittingJson, minimalResult } from './fit-result.ts';
import { Rejected, type RejectedLimits } from './rejected.ts';

/** A result that is owed to the Task API. */
export interface SpooledResult {
  readonly seq: number;
  readonly name: string;
  readonly taskId: string;
  /** Null: of an older Task API. */
  readonly leaseId: string | null;
  readonly bytes: number;
  /** Its JSON, only while the disk does not take it. */
  unsaved: string | null;
}

/**
 * While this much is owed no more work is taken, so the folder holds at most this and the results of what runs.
 * `rejected` is for a person to look at; older ones go.
 */
export interface SpoolLimits {
  results: number;
  bytes: number;
  rejected: RejectedLimits;
}

const MIB = 1024 * 1024;
export const SPOOL_LIMITS: SpoolLimits = {
  results: 1_000,
  bytes: 512 * MIB,
  rejected: { files: 100, bytes: 256 * MIB },
};

/**
 * Results on disk from before they are sent until the Task API has decided on them, so that neither its restart
 * nor ours loses one: `<folder>/<seq>-<lease or task id>.json`, and `rejected/` for what it refused. Their order is
 * that of a counter, which no clock moves. No method but `open` and `read` throws, whatever the disk does.
 */
export class Spool {
  readonly #folder: string;
  readonly #log: Log;
  readonly #limits: SpoolLimits;
  readonly #rejected: Rejected;
  #results: SpooledResult[] = [];
  #nextSeq = 1;
  /** Why the disk took nothing when it was last asked. */
  #trouble: string | null = null;

  constructor(folder: string, log: Log, limits = SPOOL_LIMITS) {
    this.#folder = folder;
    this.#log = log;
    this.#limits = limits;
    this.#rejected = new Rejected(join(folder, REJECTED), limits.rejected, log);
  }

  /** Reads what an earlier runner left. What is no result is set aside: it blocks nothing. */
  async open(): Promise<void> {
    const rejected = await this.#rejected.open();
    const names = (await readdir(this.#folder)).filter((name) => name !== REJECTED).sort();
    this.#nextSeq = 1 + Math.max(0, ...[...names, ...rejected].map((name) => seqOf(name) ?? 0));
    for (const name of names) {
      if (HALF_WRITTEN.test(name)) await this.#remove(name);
      else await this.#load(name);
    }
  }

  /** In the order in which their work ended. */
  get results(): readonly SpooledResult[] {
    return this.#results;
  }

  get leases(): string[] {
    return this.#results.flatMap(({ leaseId }) => leaseId ?? []);
  }

  /** Results that are in memory only. */
  get unsaved(): SpooledResult[] {
    return this.#results.filter((result) => result.unsaved !== null);
  }

  get isWritable(): boolean {
    return this.#trouble === null;
  }

  /** Why no more work may be taken: its results might be lost. Null when it may. */
  get obstacle(): string | null {
    if (this.#trouble !== null) return `results can not be written to ${this.#folder}: ${this.#trouble}`;
    const bytes = this.#results.reduce((sum, result) => sum + result.bytes, 0);
    const isFull = this.#results.length >= this.#limits.results || bytes >= this.#limits.bytes;
    return isFull ? `${this.#results.length} results are not sent yet` : null;
  }

  /** Resolves when it is on disk; where the disk takes nothing it is kept in memory: losing it would be worse. */
  async add(body: ResultBody, options = { minimal: false }): Promise<void> {
    const seq = this.#nextSeq++;
    const leaseId = body.leaseId ?? null;
    const name = nameOf(seq, leaseId ?? body.taskId, options.minimal);
    const json = fittingJson(body);
    const bytes = Buffer.byteLength(json);
    const result = { seq, name, taskId: body.taskId, leaseId, bytes, unsaved: json };
    await this.#save(result);
    this.#results = [...this.#results, result].sort((a, b) => a.seq - b.seq);
  }

  /** The JSON to send. Throws when its file can't be read. */
  async read(result: SpooledResult): Promise<string> {
    return result.unsaved ?? (await readFile(this.#path(result.name), 'utf8'));
  }

  /** The Task API has decided. */
  async settle(result: SpooledResult): Promise<void> {
    this.#forget(result);
    await this.#remove(result.name);
  }

  /** The Task API won't take it: it is set aside, and a minimal failed result stands in, once. */
  async reject(result: SpooledResult, reason: string): Promise<void> {
    const { taskId, leaseId, name } = result;
    this.#log.error({ taskId, reason, file: `${REJECTED}/${name}` }, 'a result was refused; it is set aside');
    const lease = leaseId === null ? {} : { leaseId };
    const substitute = minimalResult({ taskId, ...lease }, `the result could not be reported: ${reason}`);
    if (!isMinimal(name)) await this.add(substitute, { minimal: true });
    await this.#setAside(name, name);
    this.#forget(result);
  }

  /** Asks a disk that took nothing again, with what it owes us. */
  async mend(): Promise<void> {
    if (this.#trouble === null) return;
    await this.#tried(async () => void (await this.#rejected.open()));
    for (const result of this.unsaved) if (!(await this.#save(result))) return;
    const probe = `.${nameOf(0, 'probe', false)}.tmp`;
    if (!(await this.#write(probe, ''))) return;
    await this.#remove(probe);
    this.#trouble = null;
    this.#log.info('results can be written to the disk again');
  }

  #forget(result: SpooledResult): void {
    this.#results = this.#results.filter((other) => other !== result);
  }

  async #load(name: string): Promise<void> {
    try {
      const { seq, taskId, leaseId, bytes } = await readResult(this.#path(name), name);
      this.#results.push({ seq, name, taskId, leaseId, bytes, unsaved: null });
    } catch (error) {
      const as = seqOf(name) === null ? nameAside(this.#nextSeq++, name) : name;
      this.#log.error(
        { file: `${REJECTED}/${as}`, err: error },
        'a file in the spool is no result; set aside',
      );
      await this.#setAside(name, as);
    }
  }

  async #save(result: SpooledResult): Promise<boolean> {
    if (!(await this.#write(result.name, result.unsaved ?? ''))) return false;
    result.unsaved = null;
    return true;
  }

  async #write(name: string, text: string): Promise<boolean> {
    return this.#tried(() => writeDurably(this.#path(name), text));
  }

  /** One that can't be removed is sent again after the next start, and settled then. */
  async #remove(name: string): Promise<void> {
    await this.#tried(() => rm(this.#path(name), { force: true }));
  }

  async #setAside(name: string, as: string): Promise<void> {
    const [path, isThere] = [this.#path(name), await lstat(this.#path(name)).catch(() => null)];
    if (isThere !== null) await this.#tried(() => this.#rejected.take(path, as));
  }

  async #tried(operation: () => Promise<void>): Promise<boolean> {
    try {
      await operation();
      return true;
    } catch (error) {
      if (this.#trouble === null)
        this.#log.error({ err: error }, 'results can not be written to the disk; they are kept in memory');
      this.#trouble = (error as Error).message;
      return false;
    }
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

const REJECTED = 'rejected';
const HALF_WRITTEN = /^\.\d{12}-.*\.tmp$/;
const MINIMAL = '.minimal.json';
const isMinimal = (name: string) => name.endsWith(MINIMAL);

/** The order of the names is the order of the results. Ids come from the Task API: no name of a file is trusted to it. */
function nameOf(seq: number, id: string, minimal: boolean): string {
  const safe = id.replace(/[^\w-]/g, '_').slice(0, 100);
  return `${padded(seq)}-${safe}${minimal ? MINIMAL : '.json'}`;
}

/** Of something that is not ours, by which a person finds it again. */
function nameAside(seq: number, name: string): string {
  return `${padded(seq)}-${name.slice(0, 100)}`;
}

const padded = (seq: number) => String(seq).padStart(12, '0');

/** Null: the name is none of ours. */
function seqOf(name: string): number | null {
  const digits = /^(\d{12})-/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}

/** Throws when the file is no result that could be sent, and be named in a heartbeat. */
async function readResult(path: string, name: string) {
  const seq = seqOf(name);
  const found = await lstat(path);
  if (seq === null || !name.endsWith('.json') || !found.isFile()) throw new Error('it is none of ours');
  if (found.size > MAX_BODY_BYTES) throw new Error('it is larger than a result can be');
  const { taskId, leaseId = null } = JSON.parse(await readFile(path, 'utf8')) as Partial<ResultBody>;
  if (!isId(taskId) || !(leaseId === null || isId(leaseId))) throw new Error('it names no task or lease');
  return { seq, taskId, leaseId, bytes: found.size };
}

const isId = (id: unknown): id is string => typeof id === 'string' && id !== '' && id.length <= 200;
