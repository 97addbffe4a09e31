import type { Tool } from '../openclaw.ts';
import { answering } from './answer.ts';
import type { ToolParts } from './index.ts';

export function cancelTool({ client }: ToolParts): Tool {
  return {
    name: 'runner_cancel',
    label: 'Cancel a task',
    description: 'Stops a task: one that waits at once, one that runs within seconds.',
    parameters: {
      type: 'object',
      additionalProperties: false,
      required: ['taskId'],
      properties: { taskId: { type: 'string', minLength: 1 } },
    },
    execute: (_callId, { taskId }: { taskId: string }) => answering(() => client().tasks.cancel(taskId)),
  };
}
