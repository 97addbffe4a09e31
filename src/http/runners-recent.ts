import type { Clock } from '../clock.ts';
import type { CliName, TaskQueue } from '../queue/index.ts';
import type { RecentByCli, RecentSession } from './contract/recent.ts';

/** After somebody has asked, runners are asked for so long. */
const ASKING_MS = 600_000;
/** Of more runners at a time none is remembered. */
const MAX_RUNNERS = 200;

/** The start of a runner. */
interface Instance {
  runnerId: string;
  instanceId: string;
}

/** The sessions of AI CLIs on the hosts of runners, as these tell them when they are asked; in memory only. */
export class RunnersRecent {
  readonly #clock: Clock;
  readonly #queue: Pick<TaskQueue, 'runners'>;
  readonly #told = new Map<string, { instanceId: string; recent: RecentByCli }>();
  /** On the steady clock. */
  #askedAt = Number.NEGATIVE_INFINITY;

  constructor({ clock, queue }: { clock: Clock; queue: Pick<TaskQueue, 'runners'> }) {
    this.#clock = clock;
    this.#queue = queue;
  }

  heard({ runnerId, instanceId }: Instance, recent: RecentByCli): void {
    if (this.#told.has(runnerId) || this.#told.size < MAX_RUNNERS)
      this.#told.set(runnerId, { instanceId, recent });
  }

  /** Somebody has asked lately, and this instance has not told yet. */
  wants({ runnerId, instanceId }: Instance): boolean {
    if (this.#clock.steady() - this.#askedAt > ASKING_MS) return false;
    const told = this.#told.get(runnerId);
    return told === undefined ? this.#told.size < MAX_RUNNERS : told.instanceId !== instanceId;
  }

  /** The newest first, of those that are connected; null when none of them has told yet. */
  of(cli: CliName, limit: number): RecentSession[] | null {
    this.#askedAt = this.#clock.steady();
    this.#forgetOthers();
    const known = [...this.#told].filter(([, { recent }]) => recent[cli] !== undefined);
    if (known.length === 0) return null;
    const all = known.flatMap(([runnerId, { recent }]) =>
      (recent[cli] ?? []).map((session) => ({ ...session, runnerId })),
    );
    const at = ({ lastModified }: RecentSession) => Date.parse(lastModified);
    return all.sort((a, b) => at(b) - at(a)).slice(0, limit);
  }

  #forgetOthers(): void {
    const connected = this.#queue.runners().filter((runner) => runner.connected);
    const current = new Map(connected.map(({ runnerId, instanceId }) => [runnerId, instanceId]));
    for (const [runnerId, { instanceId }] of this.#told)
      if (current.get(runnerId) !== instanceId) this.#told.delete(runnerId);
  }
}
