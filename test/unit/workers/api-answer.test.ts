import { describe, expect, test } from 'vitest';
import { TaskApiClient } from '../../../src/client/index.ts';
import { answerTo } from '../../../src/workers/api-answer.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const clock = new ManualClock();
const NOW = clock.wall();

/** Of a heartbeat that is answered so. */
function kindOf(status: number, body: unknown, retryAfter: string | null = null) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = retryAfter === null ? {} : { 'retry-after': retryAfter };
  const fetch = async () => new Response(text, { status, headers });
  const { worker } = new TaskApiClient({ url: 'http://task-api', token: 'token', clock, fetch });
  const beat = { runnerId: 'r', instanceId: 'i', leases: [], spooled: [], slots: 1, capabilities: {} };
  return answerTo(worker.heartbeat(beat));
}

describe('an answer', () => {
  test('of 2xx with JSON is taken', async () => {
    expect(await kindOf(200, [])).toEqual({ kind: 'ok', body: [] });
    expect(await kindOf(200, 'null')).toEqual({ kind: 'ok', body: null });
  });

  test('of 404 or 409 with our code is a decision', async () => {
    const body = { error: 'Task not found', code: 'not_found' };
    expect(await kindOf(404, body)).toEqual({
      kind: 'settled',
      status: 404,
      code: 'not_found',
      message: 'Task not found',
    });
    expect(await kindOf(409, { error: 'x', code: 'lease_lost' })).toMatchObject({
      kind: 'settled',
      code: 'lease_lost',
    });
  });

  test('of 400 or 413 refuses what was sent, whatever its body', async () => {
    expect(await kindOf(400, { error: 'taskId is required' })).toMatchObject({
      kind: 'refused',
      message: 'taskId is required',
    });
    expect(await kindOf(413, '<html>')).toEqual({ kind: 'refused', status: 413, message: 'HTTP 413' });
  });

  test.each([
    ['a page with status 200', 200, '<html>sign in</html>'],
    ['a redirect', 302, ''],
    ['a wrong token', 401, { error: 'Unauthorized', code: 'unauthorized' }],
    ['a page with status 404', 404, '<html>nginx</html>'],
    ['JSON of another with status 409', 409, { message: 'conflict' }],
    ['a gateway’s own code with status 404', 404, { error: 'no route', code: 'ROUTE_NOT_FOUND' }],
    ['a code of ours with another status', 409, { error: 'no route', code: 'not_found' }],
    ['too many requests', 429, { error: 'full', code: 'queue_full' }],
    ['a broken server', 500, '<html>'],
    ['a proxy without a server', 502, '<html>'],
    ['a full disk', 503, { error: 'disk', code: 'storage_unavailable' }],
  ])('that is %s is no answer: try again', async (_, status, body) => {
    expect(await kindOf(status, body)).toMatchObject({ kind: 'retry', status, retryAfterMs: 0 });
  });

  test('may say when to try again, in seconds or as a date, within five minutes', async () => {
    const date = new Date(NOW + 90_000).toUTCString();
    expect(await kindOf(503, '', '7')).toMatchObject({ retryAfterMs: 7_000 });
    expect(await kindOf(503, '', date)).toMatchObject({ retryAfterMs: 90_000 });
    expect(await kindOf(503, '', new Date(NOW - 1).toUTCString())).toMatchObject({ retryAfterMs: 0 });
    expect(await kindOf(503, '', '86400')).toMatchObject({ retryAfterMs: 300_000 });
    expect(await kindOf(503, '', 'soon')).toMatchObject({ retryAfterMs: 0 });
  });
});
