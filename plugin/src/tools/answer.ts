import type { Result, Submitted } from '../../../src/client/index.ts';
import { StillRunningError, TaskApiError } from '../../../src/client/index.ts';
import { messageOf } from '../errors.ts';
import type { ToolResult } from '../openclaw.ts';
import { tail } from '../texts.ts';
import type { ToolParts } from './index.ts';

/** A model pays for each of them, and the end says most. */
const OUTPUT_CHARS = 20_000;

/** The fields of most calls. */
export const WAIT_PARAMETERS = {
  wait: {
    type: 'boolean',
    description:
      'true: the result is the answer of this call. false: this call answers at once, and the result goes to the chat by itself.',
  },
  waitSeconds: {
    type: 'number',
    minimum: 1,
    maximum: 600,
    description: 'How long to wait; a task that takes longer goes on, and runner_task tells of it.',
  },
};

export interface Waiting {
  wait?: boolean;
  waitSeconds?: number;
}

export function answerOf(details: object): ToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(details, null, 1) }], details };
}

/** What goes wrong is an answer, too: the model can tell of it, or try something else. */
export async function answering(work: () => Promise<object>): Promise<ToolResult> {
  try {
    return answerOf(await work());
  } catch (error) {
    return answerOf({ error: messageOf(error) });
  }
}

/** Of a task that goes on by itself. */
export function accepted({ taskId, sessionId }: Submitted, { chat, follower }: ToolParts): object {
  if (chat.webchat !== null) follower.follow(taskId, { conversation: null, webchat: chat.webchat });
  const comes = chat.callback !== null || chat.webchat !== null;
  const answer = comes
    ? 'The result goes to this chat by itself: do not wait for it, and do not repeat it.'
    : 'The result does not come by itself: runner_task tells it.';
  return { taskId, ...(sessionId !== undefined && { sessionId }), status: 'accepted', answer };
}

/** The result as soon as it is there; that it takes longer than the wait is an answer. */
export async function waitFor(
  { taskId, sessionId }: Submitted,
  { client, waitMs }: ToolParts,
  { waitSeconds }: Waiting,
  signal?: AbortSignal,
): Promise<object> {
  const timeoutMs = waitSeconds === undefined ? waitMs : waitSeconds * 1_000;
  try {
    const result = await client().tasks.wait(taskId, { timeoutMs, signal });
    // Where this is lost, the Task API keeps the result for its time: nobody else is waiting for it.
    await client()
      .tasks.settle(taskId)
      .catch(() => {});
    return { taskId, ...outcomeOf(result) };
  } catch (error) {
    if (signal?.aborted) await stop(client(), taskId);
    if (!(error instanceof StillRunningError)) return { taskId, error: messageOf(error) };
    const { status, reason } = await client().tasks.state(taskId);
    return {
      taskId,
      ...(sessionId !== undefined && { sessionId }),
      status,
      reason,
      next: 'runner_task tells of it.',
    };
  }
}

/** Nobody waits any more for what this turn has begun. */
async function stop(client: ReturnType<ToolParts['client']>, taskId: string): Promise<void> {
  await client.tasks.cancel(taskId).catch((error: unknown) => {
    if (!(error instanceof TaskApiError)) throw error;
  });
}

export function outcomeOf({ exitCode, error, stdout, stderr, metadata }: Result): object {
  const { sessionId } = metadata;
  return {
    status: exitCode === 0 ? 'completed' : 'failed',
    exitCode,
    ...(error !== null && { error }),
    ...(typeof sessionId === 'string' && { sessionId }),
    stdout: tail(String(stdout), OUTPUT_CHARS),
    ...(stderr !== '' && { stderr: tail(String(stderr), OUTPUT_CHARS) }),
  };
}
