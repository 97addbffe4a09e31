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

  stats(options?: CallOptions): Promise<SessionStats> {
    return this.#caller.read('sessions', '/sessions/stats', {}, options);
  }

  /** The most recently used first. */
  list(filter: { limit?: number; cliType?: string } = {}, options?: CallOptions): Promise<SessionRow[]> {
    return this.#caller.read('sessions', '/sessions/state', filter, options);
  }

  /** Those of Claude Code, as bots list them. */
  claude(options?: CallOptions): Promise<ClaudeSession[]> {
    return this.#caller.read('sessions', '/claude/sessions', {}, options);
  }
}

/** Conversations in the folders that the AI CLIs keep beside the Task API, the newest first. */
export class Recent {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  claude(filter: { limit?: number } = {}, options?: CallOptions): Promise<RecentSession[]> {
    return this.#caller.read('sessions', '/claude/recent', filter, options);
  }

  codex(filter: { limit?: number } = {}, options?: CallOptions): Promise<RecentSession[]> {
    return this.#caller.read('sessions', '/codex/recent', filter, options);
  }

  gemini(filter: { limit?: number } = {}, options?: CallOptions): Promise<RecentSession[]> {
    return this.#caller.read('sessions', '/gemini/recent', filter, options);
  }
}
