/** Reads the Task API's trace: at each 2xx that it writes, is everything on disk that it has stored until then? */
import { fileOf, type Moment, readTrace, type Syscall } from '../support/strace.ts';
import { Disk } from './disk.ts';
import { Findings } from './findings.ts';
import { Order } from './order.ts';

/** A request as its client saw it. */
export interface Operation {
  /** Its method and route. */
  name: string;
  /** The client's address, which no other operation has. */
  peer: string;
  /** Texts that its rows hold. They must be written to the database between request and answer. */
  rows: readonly string[];
}

export interface Acknowledgements {
  /** 2xx answers, those to runners included. */
  answered: number;
  synced: number;
  /** Answers at which something was not on disk yet. */
  unsynced: number;
  /** Answers to operations whose rows had not been written at all. */
  unwritten: number;
  /** Steps of SQLite that came before what must be on disk first. */
  misordered: number;
  /** Returned syncs of the write-ahead log of `tasks.db`. */
  commits: number;
  /** The most operations with rows that one of these was for. */
  largestGroup: number;
  violations: string[];
}

/** An accepted connection of a client, until its answer. */
interface Open {
  operation: Operation | undefined;
  missing: Set<string>;
}

const LOG = /\/tasks\.db-wal$/;
/** A thread of its own copies events there; until it is told that they are synced (`Order`), they are in the other file, too. */
const OF_COPIES = /\/events\.db(-wal)? is not synced$/;
const PEER = /^TCP.*->(.*):\d+\]$/;
const SENDS = new Set(['write', 'writev', 'sendto', 'sendmsg']);

/** `root`: the folder that has the data folder, which was not there when the trace began. */
export async function readAcknowledgements(
  trace: string,
  root: string,
  operations: readonly Operation[],
): Promise<Acknowledgements> {
  const reader = new Reader(root, operations);
  for await (const moment of readTrace(trace)) reader.see(moment);
  return { ...reader.figures, violations: reader.findings.sentences };
}

class Reader {
  readonly figures: Omit<Acknowledgements, 'violations'> = {
    answered: 0,
    synced: 0,
    unsynced: 0,
    unwritten: 0,
    misordered: 0,
    commits: 0,
    largestGroup: 0,
  };
  readonly findings = new Findings();
  readonly #disk: Disk;
  readonly #order: Order;
  readonly #byPeer: Map<string, Operation>;
  readonly #open = new Map<string, Open>();
  /** Operations with rows that were answered since the last sync. */
  #group = 0;

  constructor(root: string, operations: readonly Operation[]) {
    this.#disk = new Disk(root);
    this.#order = new Order(this.#disk);
    this.#byPeer = new Map(operations.map((operation) => [operation.peer, operation]));
  }

  see(moment: Moment): void {
    const { phase, call } = moment;
    this.#checkOrder(moment);
    this.#disk.see(moment);
    const isOfLog = LOG.test(fileOf(call) ?? '');
    if (phase === 'end' && call.name.startsWith('accept')) this.#accepted(call);
    if (phase === 'end' && isOfLog && /^f(data)?sync$/.test(call.name)) this.#commit();
    if (phase === 'begin' && isOfLog && call.name === 'pwrite64') this.#wrote(call);
    if (phase === 'begin' && SENDS.has(call.name) && call.text.includes('"HTTP/1.1 2')) this.#answered(call);
  }

  #checkOrder(moment: Moment): void {
    const early = this.#order.disorder(moment);
    if (early === null) return;
    this.figures.misordered++;
    this.findings.add(early, excerpt(moment.call));
  }

  #accepted({ result }: Syscall): void {
    const peer = peerOf(/^\d+<(.*)>$/.exec(result ?? '')?.[1]);
    const operation = this.#byPeer.get(peer);
    this.#open.set(peer, { operation, missing: new Set(operation?.rows) });
  }

  #commit(): void {
    this.figures.commits++;
    this.#group = 0;
  }

  #wrote({ text }: Syscall): void {
    for (const { missing } of this.#open.values())
      for (const row of missing) if (text.includes(row)) missing.delete(row);
  }

  #answered(call: Syscall): void {
    const peer = peerOf(fileOf(call));
    const { operation, missing } = this.#open.get(peer) ?? {};
    this.#open.delete(peer);
    this.figures.answered++;
    const name = operation?.name ?? 'a request of a runner';
    this.#checkSynced(name, call);
    if (operation !== undefined && operation.rows.length > 0) this.#group++;
    this.figures.largestGroup = Math.max(this.figures.largestGroup, this.#group);
    if (missing === undefined || missing.size === 0) return;
    this.figures.unwritten++;
    this.findings.add('an answer was written before its rows', `${name} (${[...missing]}): ${excerpt(call)}`);
  }

  #checkSynced(name: string, call: Syscall): void {
    const losses = this.#disk.losses().filter((loss) => !OF_COPIES.test(loss));
    if (losses.length === 0) this.figures.synced++;
    else this.figures.unsynced++;
    for (const loss of losses)
      this.findings.add(`an answer was written while ${loss}`, `${name}: ${excerpt(call)}`);
  }
}

function peerOf(connection = ''): string {
  return PEER.exec(connection)?.[1] ?? '';
}

function excerpt({ name, text }: Syscall): string {
  return `${name}(${text.length > 200 ? `${text.slice(0, 200)}…` : text})`;
}
