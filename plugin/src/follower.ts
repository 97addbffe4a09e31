import { type Result, type TaskApiClient, TaskApiError } from '../../src/client/index.ts';
import type { Webchat } from './chat.ts';
import { messageOf } from './errors.ts';
import type { Followed, Memory } from './memory.ts';
import { outcomeText } from './texts.ts';

interface FollowerParts {
  client: () => TaskApiClient;
  memory: Memory;
  /** Writes into a conversation of the gateway; a text of the same task is written once. */
  write: (webchat: Webchat, taskId: string, text: string) => Promise<void>;
  warn: (message: string) => void;
}

/** The gateway may be there for weeks: what is asked outlives any outage of the Task API. */
const PATIENCE_MS = 30 * 86_400_000;

/**
 * Waits for the outcomes of tasks, over restarts of the gateway and of the Task API. A webchat has no address that the
 * Task API could send to, so its answer is written here. And Codex and Gemini name their sessions themselves: the name that
 * we gave leads there for as long as the runner remembers it (30 minutes), theirs always does. Results are looked at, not
 * read.
 */
export class Follower {
  readonly #parts: FollowerParts;
  #over = new AbortController();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** Goes on with what was under way when the gateway stopped. */
  start(): void {
    this.stop();
    this.#over = new AbortController();
    for (const taskId of this.#parts.memory.taskIds()) this.#begin(taskId);
  }

  stop(): void {
    this.#over.abort();
  }

  follow(taskId: string, followed: Followed): void {
    this.#parts.memory.follow(taskId, followed);
    this.#begin(taskId);
  }

  #begin(taskId: string): void {
    const { signal } = this.#over;
    this.#follow(taskId, signal).catch((error: unknown) => {
      if (!signal.aborted)
        this.#parts.warn(`The outcome of task ${taskId} is lost here: ${messageOf(error)}`);
    });
  }

  async #follow(taskId: string, signal: AbortSignal): Promise<void> {
    const { memory } = this.#parts;
    const result = await this.#resultOf(taskId, signal);
    const followed = memory.task(taskId);
    if (result !== null && followed !== undefined) {
      this.#learn(taskId, followed, result);
      if (followed.webchat !== null) await this.#tell(followed.webchat, taskId, result, signal);
    }
    memory.settle(taskId);
  }

  /** Null when it is no longer kept. */
  async #resultOf(taskId: string, signal: AbortSignal): Promise<Result | null> {
    try {
      return await this.#parts.client().tasks.wait(taskId, { signal, patienceMs: PATIENCE_MS });
    } catch (error) {
      if (!(error instanceof TaskApiError) || error.status !== 404) throw error;
      this.#parts.warn(`The result of task ${taskId} is no longer kept`);
      return null;
    }
  }

  /** The conversation goes on in the session as the CLI calls it, unless somebody has asked for more since. */
  #learn(taskId: string, { conversation: key }: Followed, { metadata: { sessionId } }: Result): void {
    const conversation = key === null ? undefined : this.#parts.memory.conversation(key);
    if (key === null || conversation?.lastTaskId !== taskId) return;
    if (typeof sessionId === 'string' && sessionId !== '')
      this.#parts.memory.converse(key, { sessionId, lastTaskId: taskId });
  }

  async #tell(webchat: Webchat, taskId: string, result: Result, signal: AbortSignal): Promise<void> {
    const state = await this.#parts.client().tasks.state(taskId, { signal, patienceMs: PATIENCE_MS });
    await this.#parts.write(webchat, taskId, outcomeText(state, result));
  }
}
