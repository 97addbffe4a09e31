/** Short builders of what clients submit and runners report, with every default filled in. */
import { type CallbackTarget, USUAL_MOMENTS } from '../../src/destination.ts';
import type { OutboxRoom, QueueOptions, TaskNews } from '../../src/queue/index.ts';
import {
  type AgentType,
  agentSessionKey,
  type Claim,
  type NewTask,
  type Report,
  UNKNOWN_PROVENANCE,
} from '../../src/queue/task.ts';

export function aCommand(change: Partial<NewTask> = {}): NewTask {
  return {
    type: 'command',
    payload: { command: 'echo hello', timeout: 30_000, type: 'command' },
    timeoutMs: 30_000,
    sessionId: null,
    sessionKey: null,
    provenance: UNKNOWN_PROVENANCE,
    callback: null,
    ...change,
  };
}

export function aFileRead(change: Partial<NewTask> = {}): NewTask {
  return aCommand({
    type: 'file-read',
    payload: { type: 'file-read', path: '/tmp/note' },
    timeoutMs: null,
    ...change,
  });
}

/** A prompt in the AI CLI conversation that the client calls `sessionId`. */
export function aPrompt(sessionId: string, change: Partial<NewTask> & { type?: AgentType } = {}): NewTask {
  const type = change.type ?? 'claude-cli';
  return aCommand({
    type,
    payload: { type, prompt: 'say hello', timeout: 120_000, sessionId },
    timeoutMs: 120_000,
    sessionId,
    sessionKey: agentSessionKey(type, sessionId),
    provenance: {
      origin: 'discord',
      dispatchMode: 'direct-command',
      responseMode: 'direct-callback',
      entrypoint: 'cc',
    },
    ...change,
  });
}

export function aCallback(change: Partial<CallbackTarget> = {}): CallbackTarget {
  return { kind: 'discord', target: 'channel-1', threadId: null, token: null, on: USUAL_MOMENTS, ...change };
}

/** Owes the text to the task's callback; null owes nothing. */
export function telling(text: (news: TaskNews) => string | null): QueueOptions['composeCallback'] {
  return (news) => {
    const said = text(news);
    const { on: _moments, ...destination } = news.callback;
    return said === null ? [] : [{ ...destination, text: said, chunks: 1 }];
  };
}

/** Room for so many callbacks, wherever they go. */
export function roomFor(total: number): OutboxRoom {
  return { total, perLane: total };
}

/** An attempt as its runner names it; an older runner has no lease. */
export type Attempt = Pick<Claim, 'id'> & Pick<Report, 'leaseId'>;

/** What the holder of `claim` reports when all went well. */
export function aReport(claim: Attempt, change: Partial<Report> = {}): Report {
  return {
    taskId: claim.id,
    leaseId: claim.leaseId,
    stdout: 'hello\n',
    stderr: '',
    exitCode: 0,
    error: null,
    metadata: {},
    ...change,
  };
}
