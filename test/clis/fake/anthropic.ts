import type { JsonObject } from '../../../src/queue/task.ts';
import { listOf, objectOf } from '../../../src/workers/agents/json-lines.ts';
import { type Dialect, said, sse } from './model-api.ts';

/** Anthropic's Messages API. Claude Code's own questions (a title, say) are told from turns by the lack of tools. */
export const anthropic: Dialect = {
  isTurn: ({ path, body }) => path === '/v1/messages' && Array.isArray(body.tools) && body.tools.length > 0,
  aside: ({ path }) =>
    path.endsWith('/count_tokens') ? { input_tokens: 5 } : message([{ type: 'text', text: 'ok' }]),
  stream: (reply, turn) =>
    reply.kind === 'text'
      ? streamed({ type: 'text', text: '' }, { type: 'text_delta', text: reply.text }, 'end_turn')
      : streamed(
          { type: 'tool_use', id: `toolu_${turn}`, name: reply.name, input: {} },
          { type: 'input_json_delta', partial_json: JSON.stringify(reply.input) },
          'tool_use',
        ),
  errorBody: (status, message) => ({
    type: 'error',
    error: { type: ERRORS[status] ?? 'api_error', message },
  }),
  said: ({ body }) =>
    listOf(body.messages).flatMap((message) => {
      const { role, content } = objectOf(message);
      const blocks =
        typeof content === 'string' ? [content] : listOf(content).map((block) => objectOf(block).text);
      return said(role === 'user', blocks);
    }),
};

const ERRORS: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

function message(content: JsonObject[]): JsonObject {
  return {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content,
    stop_reason: null,
    stop_sequence: null,
    usage: { input_tokens: 5, output_tokens: 1 },
  };
}

function streamed(block: JsonObject, delta: JsonObject, stopReason: string): string[] {
  return [
    sse('message_start', { message: message([]) }),
    sse('content_block_start', { index: 0, content_block: block }),
    sse('content_block_delta', { index: 0, delta }),
    sse('content_block_stop', { index: 0 }),
    sse('message_delta', {
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: { output_tokens: 3 },
    }),
    sse('message_stop', {}),
  ];
}
