import { pause } from '../clock.ts';
import type { Gap } from '../http/contract/events.ts';
import {
  type AgentType,
  cliNameOf,
  isAgentType,
  type Result,
  type TaskState,
  type TaskType,
} from '../queue/task.ts';
import type { Explanation, QueueStats } from '../queue/task-queue.ts';
import { type Call, type Caller, type CallOptions, SHORT_MS, type SubmitOptions } from './caller.ts';
import { EventStream, type StreamOptions } from './event-stream.ts';
import { UnreachableError } from './failures.ts';
import { patiently } from './retries.ts';
import type {
  Cancelled,
  LiveChunk,
  Outcome,
  Submission,
  SubmissionFields,
  Submitted,
  TaskFilter,
  TaskPage,
} from './shapes.ts';

const PATHS: Record<Exclude<TaskType, AgentType>, string> = {
  command: '/tasks',
  'file-read': '/files/read',
  'file-write': '/files/write',
  'file-edit': '/files/edit',
};

function pathToSubmit(type: TaskType): string {
  return isAgentType(type) ? `/${cliNameOf(type)}` : PATHS[type];
}

/** Milliseconds that one request waits for the result. */
const WAIT_MS = 30_000;
/** Who waits asks no sooner again: a Task API that stops, or a proxy, may answer long before the wait is over. */
const ASK_MS = 500;

export interface WaitOptions extends CallOptions {
  /** Milliseconds that the task is given; for ever when missing. */
  timeoutMs?: number | undefined;
  /** Called now and then while it waits for a runner. */
  onPending?: (() => void) | undefined;
}

/** The task has not ended in the time that was given to `wait`; it goes on. */
export class StillRunningError extends Error {
  override readonly name = 'StillRunningError';
  readonly taskId: string;

  constructor(taskId: string, timeoutMs: number) {
    super(`Task ${taskId} has not ended within ${timeoutMs} ms; it goes on.`);
    this.taskId = taskId;
  }
}

/** `/tasks`, and the routes that submit tasks of each type. */
export class Tasks {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Resolves when the task is stored. Safe to repeat: it carries an idempotency key. */
  submit<Type extends TaskType>(
    type: Type,
    fields: SubmissionFields[Type],
    options?: SubmitOptions,
  ): Promise<Submitted> {
    return this.#caller.submit(pathToSubmit(type), fields, options, 'taskId');
  }

  /** All of them or none, 1 to 500. */
  async batch(
    tasks: readonly Submission[],
    options?: SubmitOptions,
  ): Promise<{ taskId: string; sessionId?: string }[]> {
    const batch = { tasks };
    const answer = await this.#caller.submit<{ tasks: Submitted[] }>('/tasks/batch', batch, options, 'tasks');
    return answer.tasks;
  }

  /** One page, newest first. */
  list(filter: TaskFilter = {}, options?: CallOptions): Promise<TaskPage> {
    return this.#caller.get('/tasks', filter, options, 'tasks');
  }

  /** All pages from the filter's cursor on; `limit` is the size of a page. */
  async *iterate(filter: TaskFilter = {}, options?: CallOptions): AsyncGenerator<TaskState, void> {
    let page = filter;
    for (;;) {
      const { tasks, nextCursor } = await this.list(page, options);
      yield* tasks;
      if (nextCursor === null) return;
      page = { ...filter, cursor: nextCursor };
    }
  }

  stats(options?: CallOptions): Promise<QueueStats> {
    return this.#caller.read('queue', '/tasks/stats', {}, options);
  }

  /** Also of a task whose result was read, for a while. */
  state(taskId: string, options?: CallOptions): Promise<TaskState> {
    return this.#caller.get(`${pathOf(taskId)}/state`, {}, options, 'taskId');
  }

  /** The result, if it is there; it stays. */
  async outcome(taskId: string, options?: CallOptions): Promise<Outcome> {
    const call = { ...outcomeCall(taskId, 0), repeatable: true };
    return outcomeOf(await this.#caller.call<Answered>(call, options));
  }

  /**
   * The result as soon as it is there, over restarts of the Task API; it stays: `settle` lets it go.
   * `StillRunningError` when that takes longer than `timeoutMs`.
   */
  async wait(taskId: string, options: WaitOptions = {}): Promise<Result> {
    const { timeoutMs, onPending, ...call } = options;
    const { clock } = this.#caller.connection;
    const end = timeoutMs === undefined ? Number.POSITIVE_INFINITY : clock.steady() + timeoutMs;
    for (;;) {
      const asked = clock.steady();
      const found = await this.#ask(taskId, end, call);
      if (found.result !== null) return found.result;
      if (clock.steady() >= end) throw new StillRunningError(taskId, timeoutMs ?? 0);
      if (found.status === 'pending') onPending?.();
      await pause(clock, Math.min(asked + ASK_MS, end) - clock.steady(), call.signal);
      call.signal?.throwIfAborted();
    }
  }

  /** Whoever waits knows that there is a Task API: what else answers stands in front of it. */
  async #ask(taskId: string, end: number, options: CallOptions): Promise<Outcome> {
    const { clock, ...patience } = this.#caller.patience(options);
    const restMs = Math.max(0, end - clock.steady());
    const call = outcomeCall(taskId, Math.round(Math.min(WAIT_MS, restMs)));
    const answer = await patiently(
      { ...patience, clock, patienceMs: Math.min(patience.patienceMs, restMs) },
      () => this.#caller.once<Answered>(call, options.signal),
      (error) => clock.steady() < end && (error.isPassing || error instanceof UnreachableError),
    );
    return outcomeOf(answer);
  }

  /**
   * What the task prints, as it prints it, oldest first, each chunk once, over restarts of the Task API; from
   * `lastEventId` (a chunk's `id`) on, else all that is kept. A `Gap` stands for what is no longer kept. Returns when
   * the task has ended; rejects with the signal's reason when that aborts.
   */
  async *output(taskId: string, options: StreamOptions = {}): AsyncGenerator<LiveChunk | Gap, void> {
    const source = { path: `${pathOf(taskId)}/output`, query: {} };
    for await (const { id, event, data } of new EventStream(this.#caller, source, options).messages()) {
      if (event === 'end') return;
      yield event === 'gap' ? JSON.parse(data) : { ...JSON.parse(data), id: Number(id) };
    }
  }

  /** Tells the Task API that the result has arrived, so that it need not keep it. Its loss costs only room there. */
  async settle(taskId: string, options: CallOptions = {}): Promise<void> {
    await this.#caller.once({ method: 'GET', path: pathOf(taskId) }, options.signal);
  }

  /** Ends a pending task at once; asks the runner of a running one to stop it. */
  cancel(taskId: string, options?: CallOptions): Promise<Cancelled> {
    return this.#caller.post(`${pathOf(taskId)}/cancel`, {}, options, 'taskId');
  }

  /** A failed or cancelled task whose result nobody has read starts anew. */
  retry(taskId: string, options?: CallOptions): Promise<Pick<TaskState, 'taskId' | 'status'>> {
    return this.#caller.post(`${pathOf(taskId)}/retry`, {}, options, 'taskId');
  }

  /** Says why a task is where it is, and frees what can be freed. */
  unstick(taskId: string, options?: CallOptions): Promise<Explanation> {
    return this.#caller.post(`${pathOf(taskId)}/unstick`, {}, options, 'taskId');
  }
}

type Answered = Result | { status: Exclude<Outcome, { result: Result }>['status'] };

function outcomeCall(taskId: string, waitMs: number): Call {
  return {
    method: 'GET',
    path: pathOf(taskId),
    query: { wait: waitMs, keep: 1 },
    timeoutMs: SHORT_MS + waitMs,
    expects: ['status', 'exitCode'],
  };
}

function outcomeOf(answer: Answered): Outcome {
  return 'status' in answer ? { result: null, status: answer.status } : { result: answer };
}

function pathOf(taskId: string): string {
  return `/tasks/${encodeURIComponent(taskId)}`;
}
