import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ResultBody } from '../http/contract/worker.ts';
import type { Log } from '../log.ts';
import { syncFolder, writeDurably } from './durable.ts';
import { fittingJson, minimalResult } from './fit-result.ts';

/** A result that is owed to the Task API. */
export interface SpooledResult {
  seq: number;
  name: string;
  taskId: string;
  /** Null: of an older Task API. */
  leaseId: string | null;
  bytes: number;
  /** Only where the disk would not take it. */
  unsaved: string | null;
}

/** While so much is owed, no more work is taken. */
const MAX_RESULTS = 1_000;
const MAX_BYTES = 512 * 1024 * 1024;
/** Results that the Task API refused, kept for a person to look at; older ones go. */
const MAX_REJECTED = 100;

/**
 * Results on disk from before they are sent until the Task API has decided on them, so that neither its restart
 * nor ours loses one: `<folder>/<seq>-<lease or task id>.json`, and `rejected/` for what it refused.
 */
export class Spool {
  readonly #folder: string;
  readonly #log: Log;
  #results: SpooledResult[] = [];
  #nextSeq = 1;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads what an earlier runner left. What can't be read is set aside: it blocks nothing. */
  async open(): Promise<void> {
    await mkdir(join(this.#folder, REJECTED), { recursive: true, mode: 0o700 });
    for (const name of await readdir(this.#folder)) {
      if (name.endsWith('.tmp')) await rm(join(this.#folder, name), { force: true });
      if (name.endsWith('.json')) await this.#load(name);
    }
    this.#results.sort((a, b) => a.seq - b.seq);
  }

  /** In the order in which they were added. */
  get results(): readonly SpooledResult[] {
    return this.#results;
  }

  get leases(): string[] {
    return this.#results.flatMap(({ leaseId }) => leaseId ?? []);
  }

  get isFull(): boolean {
    const bytes = this.#results.reduce((sum, result) => sum + result.bytes, 0);
    return this.#results.length >= MAX_RESULTS || bytes >= MAX_BYTES;
  }

  /** Resolves when it is on disk; where the disk takes nothing it is kept in memory: losing it would be worse. */
  async add(body: ResultBody, options = { minimal: false }): Promise<void> {
    const seq = this.#nextSeq++;
    const leaseId = body.leaseId ?? null;
    const name = nameOf(seq, leaseId ?? body.taskId, options.minimal);
    const json = fittingJson(body);
    const unsaved = (await this.#save(name, json)) ? null : json;
    this.#results.push({ seq, name, taskId: body.taskId, leaseId, bytes: Buffer.byteLength(json), unsaved });
  }

  /** The JSON to send. */
  async read(result: SpooledResult): Promise<string> {
    return result.unsaved ?? (await readFile(this.#path(result.name), 'utf8'));
  }

  /** The Task API has decided. */
  async settle(result: SpooledResult): Promise<void> {
    this.#results = this.#results.filter((other) => other !== result);
    await rm(this.#path(result.name), { force: true });
  }

  /** The Task API won't take it: it is set aside, and a minimal failed result stands in, once. */
  async reject(result: SpooledResult, reason: string): Promise<void> {
    const { taskId, leaseId, name } = result;
    this.#log.error({ taskId, reason, file: `rejected/${name}` }, 'a result was refused; it is set aside');
    const lease = leaseId === null ? {} : { leaseId };
    const substitute = minimalResult({ taskId, ...lease }, `the result could not be reported: ${reason}`);
    if (!isMinimal(name)) await this.add(substitute, { minimal: true });
    await this.#setAside(name);
    this.#results = this.#results.filter((other) => other !== result);
  }

  async #load(name: string): Promise<void> {
    try {
      const json = await readFile(this.#path(name), 'utf8');
      const { taskId, leaseId = null } = JSON.parse(json) as Partial<ResultBody>;
      const seq = Number.parseInt(name, 10);
      if (typeof taskId !== 'string' || Number.isNaN(seq)) throw new Error('it is no result');
      this.#results.push({ seq, name, taskId, leaseId, bytes: Buffer.byteLength(json), unsaved: null });
      this.#nextSeq = Math.max(this.#nextSeq, seq + 1);
    } catch (error) {
      this.#log.error({ file: `rejected/${name}`, err: error }, 'a spooled result is unreadable; set aside');
      await this.#setAside(name);
    }
  }

  async #save(name: string, json: string): Promise<boolean> {
    try {
      await writeDurably(this.#path(name), json);
      return true;
    } catch (error) {
      this.#log.error({ err: error }, 'a result could not be spooled; it is sent from memory');
      return false;
    }
  }

  async #setAside(name: string): Promise<void> {
    const rejected = join(this.#folder, REJECTED);
    await rename(this.#path(name), join(rejected, name)).catch(() => {});
    await syncFolder(this.#folder);
    const kept = (await readdir(rejected)).sort();
    for (const old of kept.slice(0, -MAX_REJECTED)) await rm(join(rejected, old), { force: true });
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

const REJECTED = 'rejected';

/** The order of the names is the order of the results. Ids come from the Task API: no name of a file is trusted to it. */
function nameOf(seq: number, id: string, minimal: boolean): string {
  const safe = id.replace(/[^\w-]/g, '_').slice(0, 100);
  return `${String(seq).padStart(12, '0')}-${safe}${minimal ? MINIMAL : '.json'}`;
}

const MINIMAL = '.minimal.json';
const isMinimal = (name: string) => name.endsWith(MINIMAL);
