import { inOrder, isAgent, isDelayed, isFinal, laneOf, type Task } from './task.ts';

/** A use of a binding that is noted already for this long back is not noted again. */
const UNNOTED_MS = 3_600_000;

interface Binding {
  runner: string;
  /** The lease whose claim made it, until a later claim has confirmed it. */
  madeBy: string | null;
  usedAt: number;
}

/** All tasks in the order of their submission, and whose turn it is. */
export class Line {
  readonly tasks = new Map<string, Task>();
  /** Which runner has the files of an AI CLI's conversation, by session key. */
  readonly bindings = new Map<string, Binding>();
  readonly #uptime: () => number;

  constructor(uptime: () => number) {
    this.#uptime = uptime;
  }

  /** The unfinished tasks of a key. */
  of(key: string | null): Task[] {
    if (key === null) return [];
    return [...this.tasks.values()].filter((task) => task.spec.sessionKey === key && !isFinal(task));
  }

  /** Behind another task of its key: one that runs, or one that was submitted earlier. */
  isBlocked(task: Task): boolean {
    const line = this.of(task.spec.sessionKey);
    return line.length > 0 && (line.find(({ status }) => status === 'running') ?? line[0]) !== task;
  }

  ready(): Task[] {
    return inOrder([...this.tasks.values()].filter((task) => task.readySince !== null));
  }

  /** Something has changed for this task: it, or the next of its key, may have become ready or be so no more. */
  seat(changed: Task): void {
    const { sessionKey } = changed.spec;
    changed.readySince = changed.status === 'pending' ? changed.readySince : null;
    for (const task of sessionKey === null ? [changed] : this.of(sessionKey)) {
      const isReady = task.status === 'pending' && !isDelayed(task) && !this.isBlocked(task);
      task.readySince = isReady ? (task.readySince ?? this.#uptime()) : null;
    }
  }

  laneOf(task: Task): string {
    return laneOf(task.spec, this.runnerOf(task));
  }

  /** The runner that has the files of this task's conversation. */
  runnerOf({ spec }: Task): string | undefined {
    return isAgent(spec) ? this.bindings.get(spec.sessionKey ?? '')?.runner : undefined;
  }

  /** The conversation's files are where its first task runs. */
  bind({ spec }: Task, runner: string, lease: string): void {
    if (!isAgent(spec) || spec.sessionKey === null) return;
    const known = this.bindings.get(spec.sessionKey);
    const usedAt = this.#uptime();
    if (known?.runner === runner && known.madeBy === null && usedAt - known.usedAt < UNNOTED_MS) return;
    this.bindings.set(spec.sessionKey, { runner, madeBy: known === undefined ? lease : null, usedAt });
  }

  /** The claim that bound it came to nothing. */
  unbind({ spec }: Task, lease: string): void {
    const key = spec.sessionKey ?? '';
    if (this.bindings.get(key)?.madeBy === lease) this.bindings.delete(key);
  }

  /** Unused since before `uptime`, and nothing of the key waits or runs. */
  forgetBindings(uptime: number): void {
    for (const [key, { usedAt }] of this.bindings) {
      if (usedAt < uptime - UNNOTED_MS && this.of(key).length === 0) this.bindings.delete(key);
    }
  }

  /** 1 is next: in its lane when it is ready, else in its key. */
  position(task: Task): number | null {
    if (task.status !== 'pending') return null;
    const line = task.spec.sessionKey === null ? [task] : this.of(task.spec.sessionKey);
    if (task.readySince === null) return line.indexOf(task) + 1;
    const lane = this.laneOf(task);
    return (
      this.ready()
        .filter((other) => this.laneOf(other) === lane)
        .indexOf(task) + 1
    );
  }
}
