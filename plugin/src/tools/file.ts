import type { Submitted } from '../../../src/client/index.ts';
import type { Tool } from '../openclaw.ts';
import { submissionOf } from '../submission.ts';
import { answering, WAIT_PARAMETERS, waitFor } from './answer.ts';
import type { ToolParts } from './index.ts';

interface FileCall {
  action: 'read' | 'write' | 'edit';
  path: string;
  content?: string;
  oldString?: string;
  newString?: string;
  replaceAll?: boolean;
  waitSeconds?: number;
}

/** Files are small and quick: their result is always waited for. */
export function fileTool(parts: ToolParts): Tool {
  return {
    name: 'runner_file',
    label: 'Read or change a file',
    description: "Reads, writes or edits a file on the user's own machine, as its policy allows.",
    parameters: {
      type: 'object',
      additionalProperties: false,
      required: ['action', 'path'],
      properties: {
        action: { type: 'string', enum: ['read', 'write', 'edit'] },
        path: { type: 'string', minLength: 1, description: 'An absolute path, or one that begins with ~/.' },
        content: { type: 'string', description: 'write: what the file has afterwards.' },
        oldString: { type: 'string', description: 'edit: the text to replace, as it stands there.' },
        newString: { type: 'string', description: 'edit: what takes its place.' },
        replaceAll: { type: 'boolean', description: 'edit: everywhere, where it stands more than once.' },
        waitSeconds: WAIT_PARAMETERS.waitSeconds,
      },
    },
    execute: (_callId, call: FileCall, signal) =>
      answering(async () => waitFor(await submit(parts, call), parts, call, signal)),
  };
}

function submit({ client, chat }: ToolParts, call: FileCall): Promise<Submitted> {
  const { tags } = submissionOf(chat, 'agent-tool');
  const { action, path } = call;
  const { tasks } = client();
  switch (action) {
    case 'read':
      return tasks.submit('file-read', { path, tags });
    case 'write':
      return tasks.submit('file-write', { path, content: needed(call, 'content'), tags });
    case 'edit':
      return tasks.submit('file-edit', {
        ...{ path, tags },
        old_string: needed(call, 'oldString'),
        new_string: needed(call, 'newString'),
        replace_all: call.replaceAll ?? false,
      });
  }
}

function needed(call: FileCall, name: 'content' | 'oldString' | 'newString'): string {
  const value = call[name];
  if (value === undefined) throw new Error(`${name} is required for ${call.action}`);
  return value;
}
