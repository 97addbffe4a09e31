import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Api, startApi, TOKEN } from '../support/http.ts';
import { aCommand } from '../support/queue.ts';
import { type Options, SseClient } from '../support/sse.ts';

const HEADERS = { authorization: `Bearer ${TOKEN}` };
const RUNNER = 'runnerId=r&instanceId=r-1';

/** A task that a runner has claimed, and what it says of it. */
async function running() {
  const api = await startApi();
  const { taskId } = await api.queue.submit(aCommand());
  const [{ leaseId }] = (await api.get(`/worker/poll?max=1&${RUNNER}`)).body;
  const print = (seq: number, chunk: string, stream = 'stdout') =>
    api.post('/worker/output', { leaseId, seq, stream, chunk });
  const finish = () => api.post('/worker/result', { taskId, leaseId, exitCode: 0 });
  return { api, taskId, leaseId, print, finish };
}

function follow({ url }: Api, taskId: string, options: Options = {}, query = ''): Promise<SseClient> {
  return SseClient.open(`${url}/tasks/${taskId}/output${query}`, { headers: HEADERS, ...options });
}

describe('GET /tasks/:taskId/output', () => {
  test('has what was printed, then what is printed, and ends with the task', async () => {
    const { api, taskId, print, finish } = await running();
    await print(1, 'one\n');
    const client = await follow(api, taskId);
    await client.has(1);
    await print(2, 'oops\n', 'stderr');
    await client.has(2);
    await finish();
    await client.has(3);
    expect(client.names).toEqual(['stdout', 'stderr', 'end']);
    expect(client.ids).toEqual([4, 9, 9]);
    expect(client.data).toEqual([
      { attempt: 1, seq: 1, stream: 'stdout', chunk: 'one\n' },
      { attempt: 1, seq: 2, stream: 'stderr', chunk: 'oops\n' },
      { taskId, status: 'completed' },
    ]);
    expect(await client.over()).toBe('ended');
  });

  test('goes on where a reader was', async () => {
    const { api, taskId, print, finish } = await running();
    await print(1, 'one');
    await print(2, 'two');
    await finish();
    const client = await follow(api, taskId, { after: 3 });
    await client.has(2);
    expect(client.data[0]).toMatchObject({ chunk: 'two' });
    const query = await follow(api, taskId, {}, '?lastEventId=3');
    await query.has(2);
    expect(query.data).toEqual(client.data);
    const header = await follow(api, taskId, { after: 6 }, '?lastEventId=3');
    await header.has(1);
    expect(header.names).toEqual(['end']);
  });

  test('a reader that knows more than there is hears of it', async () => {
    const { api, taskId, print, finish } = await running();
    await print(1, 'one');
    await finish();
    const client = await follow(api, taskId, { after: 100 });
    await client.has(2);
    expect(client.names).toEqual(['gap', 'end']);
    expect(client.data[0]).toEqual({ from: 3, to: 100, reason: 'unknown' });
  });

  test('is there after the result was read', async () => {
    const { api, taskId, print, finish } = await running();
    await print(1, 'one');
    await finish();
    expect((await api.get(`/tasks/${taskId}`)).body.exitCode).toBe(0);
    await eventually('the tombstone', async () => (await api.get(`/tasks/${taskId}`)).status === 404);
    const client = await follow(api, taskId);
    await client.has(2);
    expect(client.names).toEqual(['stdout', 'end']);
  });

  test('a task that is cancelled before it ran has an end and nothing else', async () => {
    const api = await startApi();
    const { taskId } = await api.queue.submit(aCommand());
    const client = await follow(api, taskId);
    await api.post(`/tasks/${taskId}/cancel`, {});
    await client.has(1);
    expect(client.data).toEqual([{ taskId, status: 'cancelled' }]);
  });

  test('megabytes come whole, in order', async () => {
    const { api, taskId, leaseId, finish } = await running();
    const chunk = 'x'.repeat(65_535);
    for (let seq = 1; seq <= 40; seq += 1) {
      await api.queue.output.append(leaseId, { seq, stream: 'stdout', chunk });
    }
    await finish();
    const client = await follow(api, taskId);
    await client.has(41);
    expect(client.ids.slice(0, 40)).toEqual(Array.from({ length: 40 }, (_, index) => 65_535 * (index + 1)));
  });

  test('an unknown task has none', async () => {
    const api = await startApi();
    expect(await api.get('/tasks/no-task/output')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
  });
});

describe('POST /worker/output', () => {
  test.each([
    ['leaseId', { leaseId: 5 }],
    ['seq', { seq: 0 }],
    ['seq', { seq: 1.5 }],
    ['stream', { stream: 'stdin' }],
    ['chunk', { chunk: '' }],
    ['chunk', { chunk: 'x'.repeat(65_537) }],
  ])('refuses a wrong %s (%o) and stores nothing', async (field, change) => {
    const { api, taskId, leaseId } = await running();
    const answer = await api.post('/worker/output', {
      leaseId,
      seq: 1,
      stream: 'stdout',
      chunk: 'x',
      ...change,
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_field', field } });
    expect(api.queue.output.read(taskId, 0)?.last).toBe(0);
  });

  test('says that a lease is over', async () => {
    const { print, finish } = await running();
    expect(await print(1, 'x')).toMatchObject({ status: 200, body: { success: true } });
    await finish();
    expect(await print(2, 'y')).toMatchObject({ status: 409, body: { code: 'lease_lost' } });
  });
});
