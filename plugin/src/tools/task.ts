import { StillRunningError, TaskApiError } from '../../../src/client/index.ts';
import type { Tool } from '../openclaw.ts';
import { outputSoFar } from '../output-so-far.ts';
import { tail } from '../texts.ts';
import { answering, outcomeOf } from './answer.ts';
import type { ToolParts } from './index.ts';

interface TaskCall {
  taskId: string;
  waitSeconds?: number;
}

const OUTPUT_CHARS = 8_000;

export function taskTool(parts: ToolParts): Tool {
  return {
    name: 'runner_task',
    label: 'Look at a task',
    description: 'Tells how a task goes: why it waits, what it has printed so far, or its result.',
    parameters: {
      type: 'object',
      additionalProperties: false,
      required: ['taskId'],
      properties: {
        taskId: { type: 'string', minLength: 1 },
        waitSeconds: {
          type: 'number',
          minimum: 0,
          maximum: 600,
          description: 'Waits for its end so long; 0 unless given.',
        },
      },
    },
    execute: (_callId, call: TaskCall, signal) => answering(() => look(parts, call, signal)),
  };
}

/** The result stays: whoever else asks for it gets it, too. */
async function look({ client }: ToolParts, { taskId, waitSeconds = 0 }: TaskCall, signal?: AbortSignal) {
  const { tasks } = client();
  if (waitSeconds > 0) await ended(tasks.wait(taskId, { timeoutMs: waitSeconds * 1_000, signal }));
  const { status, reason, sessionId, readAt } = await tasks.state(taskId);
  const state = {
    taskId,
    status,
    ...(reason !== null && { reason }),
    ...(sessionId !== null && { sessionId }),
  };
  if (status === 'pending') return state;
  if (status === 'running')
    return { ...state, output: tail(await outputSoFar(client(), taskId), OUTPUT_CHARS) };
  if (readAt !== null) return { ...state, result: 'It was read, and is gone.' };
  const { result } = await tasks.outcome(taskId);
  return result === null ? state : { ...state, ...outcomeOf(result), status };
}

async function ended(waiting: Promise<unknown>): Promise<void> {
  try {
    await waiting;
  } catch (error) {
    const isGone = error instanceof TaskApiError && error.status === 404;
    if (!isGone && !(error instanceof StillRunningError)) throw error;
  }
}
