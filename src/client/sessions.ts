import type { RecentSession } from '../http/contract/recent.ts';
import type { SessionRow } from '../queue/task.ts';
import type { SessionStats } from '../queue/task-queue.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { ClaudeSession } from './shapes.ts';

/** `/sessions`: the conversations in use. */
export class Sessions {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async stats(options?: CallOptions): Promise<SessionStats> {
    const answer = await this.#caller.get<{ sessions: SessionStats }>('/sessions/stats', {}, options);
    return answer.sessions;
  }

  /** The most recently used first. */
  list(filter: { limit?: number; cliType?: string } = {}, options?: CallOptions): Promise<SessionRow[]> {
    return listed(this.#caller.get('/sessions/state', filter, options));
  }

  /** Those of Claude Code, as bots list them. */
  claude(options?: CallOptions): Promise<ClaudeSession[]> {
    return listed(this.#caller.get('/claude/sessions', {}, options));
  }
}

/** Conversations in the folders that the AI CLIs keep beside the Task API, the newest first. */
export class Recent {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  claude(filter: { limit?: number } = {}, options?: CallOptions): Promise<RecentSession[]> {
    return listed(this.#caller.get('/claude/recent', filter, options));
  }

  codex(filter: { limit?: number } = {}, options?: CallOptions): Promise<RecentSession[]> {
    return listed(this.#caller.get('/codex/recent', filter, options));
  }

  gemini(filter: { limit?: number } = {}, options?: CallOptions): Promise<RecentSession[]> {
    return listed(this.#caller.get('/gemini/recent', filter, options));
  }
}

async function listed<T>(answer: Promise<{ sessions: T[] }>): Promise<T[]> {
  return (await answer).sessions;
}
