import type { JsonObject } from '../../../src/queue/task.ts';
import { listOf, objectOf } from '../../../src/workers/agents/json-lines.ts';
import { type Dialect, said, sse } from './model-api.ts';

/** OpenAI's Responses API. */
export const openai: Dialect = {
  isTurn: ({ path }) => path === '/v1/responses',
  aside: () => ({ object: 'list', data: [], models: [] }),
  stream: (reply, turn) => {
    const response = { id: `resp_${turn}`, object: 'response', model: 'gpt-5', output: [] };
    const item = reply.kind === 'text' ? saying(reply.text, turn) : calling(reply.name, reply.input, turn);
    return [
      sse('response.created', { response }),
      sse('response.output_item.added', { output_index: 0, item: { ...item, status: 'in_progress' } }),
      ...(reply.kind === 'text'
        ? [
            sse('response.output_text.delta', {
              item_id: item.id ?? null,
              output_index: 0,
              content_index: 0,
              delta: reply.text,
            }),
          ]
        : []),
      sse('response.output_item.done', { output_index: 0, item }),
      sse('response.completed', { response: { ...response, status: 'completed', usage: USAGE } }),
    ];
  },
  errorBody: (status, message) => ({
    error: {
      message,
      type: status === 401 ? 'authentication_error' : 'invalid_request_error',
      code: CODES[status] ?? null,
    },
  }),
  said: ({ body }) =>
    listOf(body.input).flatMap((item) => {
      const { role, content } = objectOf(item);
      return said(
        role === 'user',
        listOf(content).map((part) => objectOf(part).text),
      );
    }),
};

const CODES: Record<number, string> = {
  401: 'invalid_api_key',
  404: 'model_not_found',
  429: 'rate_limit_exceeded',
};

const USAGE: JsonObject = {
  input_tokens: 5,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 3,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 8,
};

function saying(words: string, turn: number): JsonObject {
  const content = [{ type: 'output_text', text: words, annotations: [] }];
  return { type: 'message', id: `msg_${turn}`, role: 'assistant', status: 'completed', content };
}

function calling(name: string, input: JsonObject, turn: number): JsonObject {
  return {
    type: 'function_call',
    id: `fc_${turn}`,
    call_id: `call_${turn}`,
    name,
    arguments: JSON.stringify(input),
  };
}
