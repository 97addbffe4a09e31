import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AgentType, isAgentType, type Receipt, type TaskType, traitsOf } from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { parseTask, parseTaskOf } from './contract/any-task.ts';
import { batchBody } from './contract/tasks.ts';
import type { RouteDeps } from './deps.ts';
import { onceOf } from './once.ts';

/** As bots know them. */
const MESSAGES: Readonly<Record<Exclude<TaskType, AgentType>, string>> = {
  command: 'Task created, waiting for reconciler',
  'file-write': 'File write task created',
  'file-read': 'File read task created',
  'file-edit': 'File edit task created',
};

/**
 * Submitting: a route for each type, and one for many tasks of any types. With an `Idempotency-Key`, the same request
 * within a day gets the answer of the first one, with `duplicate: true`.
 */
export function submissionHandlers(deps: RouteDeps) {
  const { queue } = deps;
  const turn = oneEachTurn();
  return {
    of:
      (type: TaskType): Handler =>
      async (call) => {
        const task = parseTaskOf(type, call.body, deps);
        const { duplicate, ...receipt } = await queue.submit(task, onceOf(call));
        return { ...shown(receipt), message: messageOf(type), ...(duplicate && { duplicate }) };
      },

    batch: (async (call) => {
      const { tasks } = parse(batchBody, call.body);
      await turn();
      const all = tasks.map((task, index) => parseTask(task, deps, ['tasks', index]));
      const { tasks: receipts, duplicate } = await queue.submitAll(all, onceOf(call));
      return { tasks: receipts.map(shown), ...(duplicate && { duplicate }) };
    }) satisfies Handler,
  };
}

function messageOf(type: TaskType): string {
  return isAgentType(type) ? `${traitsOf(type).label} CLI task created` : MESSAGES[type];
}

/** Reading hundreds of tasks takes milliseconds: between two batches others have their turn. */
function oneEachTurn(): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.then(() => nextTurn());
    return last;
  };
}

function shown({ taskId, sessionId }: Receipt): object {
  return sessionId === null ? { taskId } : { taskId, sessionId };
}
