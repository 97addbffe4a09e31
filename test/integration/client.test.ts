/** The typed client with a real Task API: every route of it, and what a program builds on them. */
import { expect, it } from 'vitest';
import { type Event, type Gap, type Submission, TaskApiClient } from '../../src/client/index.ts';
import type { RouteDeps } from '../../src/http/deps.ts';
import { routesOf } from '../../src/http/routes.ts';
import { eventually } from '../support/eventually.ts';
import { type Api, startApi, TOKEN } from '../support/http.ts';
import { losingFirstAnswer } from '../support/lost-answer.ts';
import { environmentIn, launch, TOKEN as PROCESS_TOKEN, ready } from '../support/processes.ts';
import { roomFor, telling } from '../support/queue.ts';
import { tempFolder } from '../support/temp-folder.ts';

const RUNNER = { runnerId: 'r', instanceId: 'i' };

function clientOf({ url }: Api): TaskApiClient {
  return new TaskApiClient({ url, token: TOKEN, patienceMs: 0 });
}

/** A callback that never arrived, as the client finds it. */
async function deadCallback({ queue: { outbox } }: Api, { callbacks, tasks }: TaskApiClient) {
  const { taskId } = await tasks.submit('command', {
    command: 'x',
    callback: { kind: 'telegram', target: -777, threadId: 5, on: ['cancelled'] },
  });
  await tasks.cancel(taskId);
  for (const { id } of await outbox.take(roomFor(1))) await outbox.bury(id, 'HTTP 400');
  const { callbacks: found, nextCursor, pauses } = await callbacks.list({ status: 'dead', taskId, limit: 5 });
  expect([nextCursor, pauses]).toEqual([null, []]);
  expect(found).toMatchObject([{ taskId, kind: 'telegram', target: '-777', threadId: '5', attempts: 1 }]);
  return found[0]?.id ?? '';
}

/** One task, claimed. */
async function claimed({ worker }: TaskApiClient) {
  const tasks = await worker.poll({ ...RUNNER, max: 1, wait: 1_000 });
  const [task] = [tasks].flat();
  return { taskId: task?.id ?? '', leaseId: task?.leaseId ?? '' };
}

const OUTPUT = { stdout: 'out', stderr: '', error: null };

it('has a method for every route, and the Task API takes what each sends', async () => {
  const api = await startApi({ engine: { composeCallback: telling(() => 'a message') } });
  const client = clientOf(api);
  const { tasks, events, callbacks, schedules, sessions, recent, worker } = client;
  expect(await client.ready()).toEqual({ ready: true, problems: [] });
  const one = await tasks.submit('command', { command: 'x', priority: 3, tags: ['a'], delayMs: undefined });
  await claimed(client).then((claim) => worker.result({ ...claim, ...OUTPUT, exitCode: 1 }));
  expect(await tasks.wait(one.taskId)).toMatchObject({ stdout: 'out', exitCode: 1 });
  expect(await tasks.retry(one.taskId)).toEqual({ taskId: one.taskId, status: 'pending' });
  expect(await tasks.unstick(one.taskId)).toMatchObject({ did: 'nothing' });
  const { leaseId } = await claimed(client);
  await worker.output({ leaseId, seq: 1, stream: 'stdout', chunk: 'live' });
  expect(
    await worker.heartbeat({ ...RUNNER, leases: [leaseId], spooled: [], slots: 1, capabilities: {} }),
  ).toEqual({
    ...{ cancelled: [], lost: [] },
    leaseMs: expect.any(Number),
  });
  expect(await client.runners()).toMatchObject([{ runnerId: 'r', connected: true, running: 1 }]);
  await worker.release({ leaseId, reason: 'a test' });
  expect(await worker.event({ type: 'x.y', details: { a: 1 } })).toMatchObject({ event: { type: 'x.y' } });
  expect(await tasks.cancel(one.taskId)).toEqual({
    taskId: one.taskId,
    status: 'cancelled',
    cancelRequested: true,
  });
  expect(await tasks.outcome(one.taskId)).toMatchObject({ result: { error: 'cancelled' } });
  const printed = [];
  for await (const piece of tasks.output(one.taskId)) printed.push(piece);
  expect(printed).toMatchObject([{ attempt: 2, stream: 'stdout', chunk: 'live' }]);
  await tasks.settle(one.taskId);
  expect(await eventually('it is read', async () => (await tasks.state(one.taskId)).readAt)).toBeGreaterThan(
    0,
  );
  const file = { path: '/x', content: null };
  await tasks.submit('file-write', file);
  await tasks.submit('file-read', { path: '/x', encoding: 'base64' });
  await tasks.submit('file-edit', { path: '/x', old_string: 'a', new_string: '' });
  await tasks.submit('claude-cli', { prompt: 'hi', sessionId: 'kitchen', timeout: 5_000 });
  await tasks.submit('codex-cli', { prompt: 'hi', model: 'm' });
  await tasks.submit('gemini-cli', { prompt: 'hi', resumeLatest: true });
  expect(
    await tasks.batch([
      { type: 'command', command: 'x' },
      { type: 'claude-cli', prompt: 'hi' },
    ]),
  ).toMatchObject([
    { taskId: expect.any(String) },
    { taskId: expect.any(String), sessionId: expect.any(String) },
  ]);
  expect(await tasks.list({ type: 'claude-cli', limit: 1 })).toMatchObject({
    nextCursor: expect.any(String),
  });
  expect((await tasks.stats()).byStatus).toMatchObject({ pending: 8 });
  const task: Submission = { type: 'command', command: 'x', tags: ['nightly'] };
  const { id } = await schedules.add({ name: 'a', cron: '0 3 * * *', timeZone: 'Europe/Berlin', task });
  expect(await schedules.get(id)).toMatchObject({ name: 'a', task, overlap: 'skip', paused: false });
  expect(await schedules.pause(id)).toMatchObject({ paused: true, nextRunAt: null });
  expect(await schedules.resume(id)).toMatchObject({ paused: false, nextRunAt: expect.any(Number) });
  expect(await schedules.run(id)).toMatchObject({ taskId: expect.any(String) });
  expect(await schedules.list()).toHaveLength(1);
  await schedules.remove(id);
  const dead = await deadCallback(api, client);
  expect(await callbacks.replay(dead)).toMatchObject({ id: dead, status: 'pending', attempts: 0 });
  expect(await callbacks.replay(dead).catch(({ code }) => code)).toBe('not_dead');
  expect(await callbacks.replay('nope').catch(({ code }) => code)).toBe('not_found');
  expect(await callbacks.list()).toMatchObject({ callbacks: [{ id: dead }], nextCursor: null });
  expect(await events.list({ type: 'x.y', limit: 5 })).toMatchObject([{ details: { a: 1 } }]);
  expect((await events.stats()).count).toBeGreaterThan(10);
  expect(await events.maintenance({ vacuum: true })).toMatchObject({ vacuumed: true });
  for await (const event of events.stream({ type: 'x.y' }, { lastEventId: 0 })) {
    expect(event).toMatchObject({ type: 'x.y' });
    break;
  }
  expect(await sessions.stats()).toMatchObject({ active: 4 });
  expect(await sessions.list({ cliType: 'claude', limit: 5 })).toHaveLength(2);
  expect(await sessions.claude()).toHaveLength(2);
  for (const cli of ['claude', 'codex', 'gemini'] as const)
    expect(await recent[cli]({ limit: 3 })).toEqual([]);
  await client.notify('c', 'm');
  expect(await client.health()).toMatchObject({
    ...{ status: 'ok', taskDb: { path: expect.any(String) } },
    callbacks: { pending: 1, paused: 0, dead: 0, pauses: [] },
  });

  const quiet = { subscribe: () => () => {} };
  const idle = { queue: { ...quiet, output: quiet } } as unknown as RouteDeps;
  const routes = routesOf(idle).map(({ method, path }) => `${method} ${path}`);
  const called = () =>
    api.lines.filter(({ status }) => status === 200).map(({ method, route }) => `${method} ${route}`);
  await eventually('the lines of the streams', () =>
    ['/stream', '/output'].every((end) =>
      called().some((line) => line.startsWith('GET') && line.endsWith(end)),
    ),
  );
  expect(routes.filter((route) => !called().includes(route))).toEqual([]);
});

it('takes a callback in the words of the wire, and knows at compile time what is none', async () => {
  const api = await startApi();
  const { tasks, schedules } = clientOf(api);
  const secret = `whsec_${Buffer.from('the signing secret').toString('base64')}`;
  const batch: Submission[] = [
    { type: 'command', command: 'x', callback: { kind: 'telegram', target: 777, threadId: 5, token: '1:x' } },
    { type: 'file-read', path: '/x', callback: { kind: 'slack', target: '#general', threadId: '1.2' } },
    { type: 'claude-cli', prompt: 'x', callback: { kind: 'webhook', target: 'https://h/x', secret } },
    { type: 'codex-cli', prompt: 'x', callback: { kind: 'hook', target: 'wake', on: ['started', 'failed'] } },
    { type: 'file-write', path: '/x', content: '', callbackChannel: '42', callbackBotToken: 'x' },
    { type: 'gemini-cli', prompt: 'x', callback: undefined },
  ];
  expect(await tasks.batch(batch)).toHaveLength(batch.length);
  for (const [index, task] of batch.entries())
    await schedules.add({ name: `s${index}`, cron: '0 3 * * *', task });
  const submit = (callback: Submission['callback']) => tasks.submit('command', { command: 'x', callback });
  const wrong = [
    // @ts-expect-error There is no such kind.
    () => submit({ kind: 'irc', target: '1' }),
    // @ts-expect-error Without a target it is told to nobody.
    () => submit({ kind: 'hook' }),
    // @ts-expect-error There is no such moment.
    () => submit({ kind: 'hook', target: 'wake', on: ['ended'] }),
    // @ts-expect-error A field is misspelt.
    () => submit({ kind: 'discord', target: '1', thread: '2' }),
  ];
  for (const call of wrong)
    await expect(call()).rejects.toMatchObject({
      ...{ code: 'invalid_field', field: expect.stringMatching(/^callback/) },
    });
});

it('submits once, though the first answer got lost', async () => {
  const api = await startApi();
  const { tasks } = new TaskApiClient({ url: api.url, token: TOKEN, fetch: losingFirstAnswer() });
  const submitted = await tasks.submit('command', { command: 'x' });
  expect(submitted.duplicate).toBe(true);
  const ids: string[] = [];
  for await (const { taskId } of tasks.iterate()) ids.push(taskId);
  expect(ids).toEqual([submitted.taskId]);
});

it('hears every event once, in order, over a Task API that is killed and starts again', async () => {
  const env = environmentIn(tempFolder());
  let api = launch('task-api', env);
  const { url } = await ready(api);
  const onRestart = { ...env, WORKER_PORT: new URL(url).port };
  const client = new TaskApiClient({ url, token: PROCESS_TOKEN });
  const heard: (Event | Gap)[] = [];
  const stop = new AbortController();
  const reading = (async () => {
    for await (const event of client.events.stream({}, { lastEventId: 0, signal: stop.signal }))
      heard.push(event);
  })().catch((error) => error);
  const submitted: string[] = [];
  for (const round of [1, 2, 3]) {
    for (let i = 0; i < 20; i += 1) {
      const { taskId } = await client.tasks.submit('command', { command: 'true' });
      submitted.push(taskId);
    }
    await eventually('the events of a round', () => heard.length >= submitted.length);
    if (round === 3) break;
    await api.die();
    api = launch('task-api', onRestart);
    await ready(api);
  }
  stop.abort(new Error('enough'));
  expect(await reading).toMatchObject({ message: 'enough' });
  expect(heard.map((event) => 'taskId' in event && event.taskId)).toEqual(submitted);
  const seqs = heard.map((event) => ('seq' in event ? event.seq : 0));
  expect(seqs).toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
});
