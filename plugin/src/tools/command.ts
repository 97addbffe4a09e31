import type { Tool } from '../openclaw.ts';
import { submissionOf } from '../submission.ts';
import { accepted, answering, WAIT_PARAMETERS, type Waiting, waitFor } from './answer.ts';
import type { ToolParts } from './index.ts';

interface CommandCall extends Waiting {
  command: string;
  cwd?: string;
  timeoutSeconds?: number;
}

export function commandTool(parts: ToolParts): Tool {
  return {
    name: 'runner_command',
    label: 'Run a command',
    description:
      "Runs a shell command on the user's own machine, as its policy allows. Waits for its output unless told.",
    parameters: {
      type: 'object',
      additionalProperties: false,
      required: ['command'],
      properties: {
        command: { type: 'string', minLength: 1, description: 'For the shell of that machine.' },
        cwd: { type: 'string', description: 'An absolute path, or one that begins with ~/.' },
        timeoutSeconds: {
          type: 'number',
          minimum: 1,
          maximum: 86_400,
          description: 'Then it is killed; 30 unless given.',
        },
        ...WAIT_PARAMETERS,
      },
    },
    execute: (_callId, call: CommandCall, signal) => answering(() => run(parts, call, signal)),
  };
}

async function run(
  parts: ToolParts,
  { command, cwd, timeoutSeconds, ...waiting }: CommandCall,
  signal?: AbortSignal,
) {
  const isAwaited = waiting.wait ?? true;
  const { callback, ...fields } = submissionOf(parts.chat, 'agent-tool');
  const submitted = await parts.client().tasks.submit('command', {
    tags: fields.tags,
    command,
    ...(cwd !== undefined && { cwd }),
    ...(timeoutSeconds !== undefined && { timeout: timeoutSeconds * 1_000 }),
    ...(!isAwaited && callback !== undefined && { callback }),
  });
  return isAwaited ? waitFor(submitted, parts, waiting, signal) : accepted(submitted, parts);
}
