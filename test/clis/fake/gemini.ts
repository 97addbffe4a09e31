import type { JsonObject } from '../../../src/queue/task.ts';
import { listOf, objectOf } from '../../../src/workers/agents/json-lines.ts';
import { type Dialect, said } from './model-api.ts';

/** Google's Gemini API: streamed generation is a turn; all other questions are the CLI's own. */
export const google: Dialect = {
  isTurn: ({ path }) => path.endsWith(':streamGenerateContent'),
  aside: ({ path }) => (path.endsWith(':countTokens') ? { totalTokens: 5 } : chunk([{ text: '{}' }], true)),
  stream: (reply, turn) => {
    if (reply.kind === 'tool') {
      const call = { functionCall: { id: `call_${turn}`, name: reply.name, args: reply.input } };
      return [chunk([call], false), chunk([], true)].map(data);
    }
    // Three pieces before the one that ends it, as with the other dialects.
    const third = Math.ceil(reply.text.length / 3);
    const pieces = [0, 1, 2].map((n) => reply.text.slice(n * third, (n + 1) * third));
    return [...pieces.map((piece) => chunk([{ text: piece }], false)), chunk([], true)].map(data);
  },
  errorBody: (code, message) => ({ error: { code, message, status: STATUSES[code] ?? 'INTERNAL' } }),
  said: ({ body }) =>
    listOf(body.contents).flatMap((content) => {
      const { role, parts } = objectOf(content);
      return said(
        role === 'user',
        listOf(parts).map((part) => objectOf(part).text),
      );
    }),
};

const STATUSES: Record<number, string> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
};

function chunk(parts: JsonObject[], last: boolean): JsonObject {
  return {
    candidates: [{ index: 0, content: { role: 'model', parts }, ...(last && { finishReason: 'STOP' }) }],
    usageMetadata: { promptTokenCount: 5, candidatesTokenCount: 3, totalTokenCount: 8 },
    modelVersion: 'gemini-2.5-flash',
  };
}

function data(event: JsonObject): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}
