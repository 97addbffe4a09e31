import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import type { CliName, Patience, TaskQueue } from '../queue/index.ts';
import type { RecentByCli, RecentSession } from './contract/recent.ts';

/** What was told so lately is not asked for again. */
const FRESH_MS = 10_000;
/** Of more runners at a time none is remembered. */
const MAX_RUNNERS = 200;

/** The start of a runner. */
interface Instance {
  runnerId: string;
  instanceId: string;
}

interface Told {
  instanceId: string;
  recent: RecentByCli;
  /** On the steady clock. */
  at: number;
}

/**
 * The sessions of AI CLIs on the hosts of runners, as these tell them when somebody asks; in memory only. A question
 * wakes the polls that wait: the runners' next heartbeats, which hear of it, come at once then.
 */
export class RunnersRecent {
  readonly #clock: Clock;
  readonly #queue: Pick<TaskQueue, 'runners'>;
  readonly #told = new Map<string, Told>();
  /** On the steady clock. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #question = newQuestion();
  #answer = Promise.withResolvers<void>();

  constructor({ clock, queue }: { clock: Clock; queue: Pick<TaskQueue, 'runners'> }) {
    this.#clock = clock;
    this.#queue = queue;
  }

  /** Aborts when somebody asks. */
  get question(): AbortSignal {
    return this.#question.signal;
  }

  heard({ runnerId, instanceId }: Instance, recent: RecentByCli): void {
    if (!this.#hasRoom(runnerId)) return;
    this.#told.set(runnerId, { instanceId, recent, at: this.#clock.steady() });
    this.#answer.resolve();
    this.#answer = Promise.withResolvers();
  }

  /** Somebody has asked since it told last. */
  wants(instance: Instance): boolean {
    return this.#hasRoom(instance.runnerId) && this.#toldAt(instance) < this.#askedAt;
  }

  /**
   * The newest first, of runners that are connected; null when none of them has told. Waits for those that can tell,
   * and have not lately, until `patience` ends.
   */
  async of(cli: CliName, limit: number, patience: Patience): Promise<RecentSession[] | null> {
    const freshFrom = this.#clock.steady() - FRESH_MS;
    if (this.#tellers().some((runner) => this.#toldAt(runner) < freshFrom)) this.#ask();
    const over = new Promise<void>((resolve) => patience.addEventListener('abort', () => resolve()));
    while (!patience.aborted && this.#tellers().some((runner) => this.wants(runner)))
      await Promise.race([this.#answer.promise, over]);
    this.#forgetOthers();
    const known = [...this.#told].filter(([, { recent }]) => recent[cli] !== undefined);
    if (known.length === 0) return null;
    const all = known.flatMap(([runnerId, { recent }]) =>
      (recent[cli] ?? []).map((session) => ({ ...session, runnerId })),
    );
    const at = ({ lastModified }: RecentSession) => Date.parse(lastModified);
    return all.sort((a, b) => at(b) - at(a)).slice(0, limit);
  }

  #ask(): void {
    this.#askedAt = this.#clock.steady();
    this.#question.abort();
    this.#question = newQuestion();
  }

  /** Connected runners that say that they can. */
  #tellers(): Instance[] {
    return this.#queue
      .runners()
      .flatMap(({ connected, runnerId, instanceId, capabilities }) =>
        connected && instanceId !== null && capabilities?.recent === true ? [{ runnerId, instanceId }] : [],
      );
  }

  /** On the steady clock. */
  #toldAt({ runnerId, instanceId }: Instance): number {
    const told = this.#told.get(runnerId);
    return told?.instanceId === instanceId ? told.at : Number.NEGATIVE_INFINITY;
  }

  #hasRoom(runnerId: string): boolean {
    return this.#told.has(runnerId) || this.#told.size < MAX_RUNNERS;
  }

  #forgetOthers(): void {
    const current = new Map(
      this.#queue
        .runners()
        .filter(({ connected }) => connected)
        .map(({ runnerId, instanceId }) => [runnerId, instanceId]),
    );
    for (const [runnerId, { instanceId }] of this.#told)
      if (current.get(runnerId) !== instanceId) this.#told.delete(runnerId);
  }
}

/** Any number of polls may listen. */
function newQuestion(): AbortController {
  const question = new AbortController();
  setMaxListeners(0, question.signal);
  return question;
}
