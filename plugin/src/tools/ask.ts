import { CLI_NAMES, type CliName } from '../../../src/queue/task.ts';
import type { Tool } from '../openclaw.ts';
import { submissionOf } from '../submission.ts';
import { accepted, answering, WAIT_PARAMETERS, type Waiting, waitFor } from './answer.ts';
import type { ToolParts } from './index.ts';

interface AskCall extends Waiting {
  cli: CliName;
  prompt: string;
  sessionId?: string;
  cwd?: string;
}

export function askTool(parts: ToolParts): Tool {
  return {
    name: 'runner_ask',
    label: 'Ask an AI CLI',
    description:
      "Gives a prompt to Claude Code, Codex or Gemini on the user's own machine, where their logins, files and sessions are. " +
      'Takes minutes: answers at once unless told to wait, and the result goes to the chat by itself.',
    parameters: {
      type: 'object',
      additionalProperties: false,
      required: ['cli', 'prompt'],
      properties: {
        cli: { type: 'string', enum: CLI_NAMES },
        prompt: { type: 'string', minLength: 1 },
        sessionId: { type: 'string', description: 'Goes on with that session; a new one unless given.' },
        cwd: { type: 'string', description: 'The folder to work in: absolute, or one that begins with ~/.' },
        ...WAIT_PARAMETERS,
      },
    },
    execute: (_callId, call: AskCall, signal) => answering(() => ask(parts, call, signal)),
  };
}

async function ask(parts: ToolParts, call: AskCall, signal?: AbortSignal): Promise<object> {
  const { cli, prompt, sessionId, cwd, wait = false } = call;
  const { callback, ...fields } = submissionOf(parts.chat, 'agent-tool');
  const submitted = await parts.client().tasks.submit(`${cli}-cli`, {
    ...fields,
    prompt,
    timeout: parts.promptTimeoutMs,
    ...(sessionId !== undefined && { sessionId }),
    ...(cwd !== undefined && { cwd }),
    ...(!wait && callback !== undefined && { callback }),
  });
  return wait ? waitFor(submitted, parts, call, signal) : accepted(submitted, parts);
}
