/** Reads the runner's trace: at each result that it sends, is the file with that result on disk, under its name? */
import { fileOf, type Moment, readTrace, type Syscall } from '../support/strace.ts';
import { Disk } from './disk.ts';
import { Findings } from './findings.ts';

export interface Deliveries {
  /** Results whose sending has begun. */
  results: number;
  spooled: number;
  unsyncedSpool: number;
  violations: string[];
}

const SENDS = new Set(['write', 'writev', 'sendto', 'sendmsg']);
const LEASE = /leaseId\\":\\"([\w-]+)/;

/** `root`: the folder that has the data folder, which was not there when the trace began. */
export async function readDeliveries(trace: string, root: string): Promise<Deliveries> {
  const reader = new Reader(root);
  for await (const moment of readTrace(trace)) reader.see(moment);
  return { ...reader.figures, violations: reader.findings.sentences };
}

class Reader {
  readonly figures: Omit<Deliveries, 'violations'> = { results: 0, spooled: 0, unsyncedSpool: 0 };
  readonly findings = new Findings();
  readonly #disk: Disk;
  /** Connections on which a result has been announced: its headers may go ahead of its body. */
  readonly #announced = new Set<string>();

  constructor(root: string) {
    this.#disk = new Disk(root);
  }

  see(moment: Moment): void {
    const { phase, call } = moment;
    this.#disk.see(moment);
    if (phase === 'end' || !SENDS.has(call.name)) return;
    const connection = fileOf(call) ?? '';
    if (!connection.startsWith('TCP')) return;
    if (call.text.includes('"POST ')) this.#announced.delete(connection);
    if (call.text.includes('"POST /worker/result')) this.#announced.add(connection);
    if (this.#announced.has(connection)) this.#send(call, connection);
  }

  #send({ text }: Syscall, connection: string): void {
    const lease = LEASE.exec(text)?.[1];
    if (lease === undefined) return;
    this.#announced.delete(connection);
    this.figures.results++;
    const path = this.#disk.paths.find((name) => name.includes('/spool/') && name.endsWith(`-${lease}.json`));
    const loss = path === undefined ? 'it was in no file of the spool' : this.#disk.loss(path);
    if (loss === null) return void this.figures.spooled++;
    this.figures.unsyncedSpool++;
    this.findings.add('a result was sent too early', `lease ${lease}: ${loss}`);
  }
}
