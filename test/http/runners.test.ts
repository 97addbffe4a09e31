import { expect, test } from 'vitest';
import { startApi } from '../support/http.ts';

const RUNNER = { runnerId: 'r', instanceId: 'i' };
const BEAT = { ...RUNNER, leases: [], spooled: [] };

test('shows how the runners are', async () => {
  const api = await startApi();
  expect((await api.get('/runners')).body).toEqual({ runners: [] });
  const at = api.clock.wall();
  const capabilities = { types: ['command'], versions: { claude: '2' } };
  await api.post('/worker/heartbeat', { ...BEAT, slots: 5, capabilities, problem: '/bin/zsh: not found' });
  const runner = {
    ...RUNNER,
    connected: true,
    slots: 5,
    running: 0,
    capabilities,
    paused: [],
    lastPollAt: null,
    lastHeartbeatAt: at,
    lastClaimAt: null,
    healthy: false,
    problem: '/bin/zsh: not found',
  };
  expect((await api.get('/runners')).body).toEqual({ runners: [runner] });
  await api.post('/worker/heartbeat', { ...BEAT, slots: 5, capabilities });
  const well = { ...runner, healthy: true, problem: null };
  expect((await api.get('/runners')).body).toEqual({ runners: [well] });
});

test('shows what was claimed, and older runners as one', async () => {
  const api = await startApi();
  await api.post('/tasks', { command: 'a' });
  await api.get('/worker/poll?runnerId=r&instanceId=i&max=1');
  await api.post('/tasks', { command: 'b' });
  await api.get('/worker/poll');
  const at = api.clock.wall();
  const { runners } = (await api.get('/runners')).body;
  expect(runners).toMatchObject([
    { runnerId: 'legacy', instanceId: null, running: null, lastPollAt: at, healthy: true },
    { ...RUNNER, slots: null, capabilities: null, running: 1, lastPollAt: at, lastClaimAt: at },
  ]);
});

test('is shown only with the token', async () => {
  const api = await startApi();
  expect((await api.send('/runners')).status).toBe(401);
});

test('shows what a runner has paused, and the tasks say so', async () => {
  const api = await startApi();
  const until = api.clock.wall() + 60_000;
  const paused = [
    { type: 'claude-cli', until, reason: 'rate limit' },
    { type: 'codex-cli', until: null, reason: 'x'.repeat(200) },
  ];
  await api.get('/worker/poll?runnerId=r&instanceId=i&max=1&wait=1', { method: 'HEAD' });
  await api.post('/worker/heartbeat', { ...BEAT, slots: 5, paused });
  expect((await api.get('/runners')).body.runners).toMatchObject([{ healthy: true, problem: null, paused }]);
  await api.post('/worker/heartbeat', { ...BEAT, slots: 5 });
  expect((await api.get('/runners')).body.runners).toMatchObject([{ paused: [] }]);
});

const PAUSE = { type: 'claude-cli', until: null, reason: 'rate limit' };

test.each<[unknown, string]>([
  [null, 'paused'],
  ['claude-cli', 'paused'],
  [{}, 'paused'],
  [Array.from({ length: 17 }, () => PAUSE), 'paused'],
  [[null], 'paused.0'],
  [['claude-cli'], 'paused.0'],
  [[{ ...PAUSE, type: 'no-cli' }], 'paused.0.type'],
  [[{ ...PAUSE, until: '2026-01-01' }], 'paused.0.until'],
  [[{ ...PAUSE, until: -1 }], 'paused.0.until'],
  [[{ ...PAUSE, until: 0.5 }], 'paused.0.until'],
  [[{ ...PAUSE, until: 8.65e15 }], 'paused.0.until'],
  [[{ type: 'claude-cli', reason: 'x' }], 'paused.0.until'],
  [[{ ...PAUSE, reason: '' }], 'paused.0.reason'],
  [[{ ...PAUSE, reason: 'x'.repeat(201) }], 'paused.0.reason'],
])('refuses a heartbeat that has paused %j, and takes nothing of it', async (paused, field) => {
  const api = await startApi();
  const { status, body } = await api.post('/worker/heartbeat', { ...BEAT, paused });
  expect([status, body.code, body.field]).toEqual([400, 'invalid_field', field]);
  expect((await api.get('/runners')).body).toEqual({ runners: [] });
});

test.each([
  ['problem', ''],
  ['problem', 'x'.repeat(501)],
  ['problem', null],
  ['problem', 5],
  ['capabilities', { x: 'x'.repeat(16_384) }],
])('refuses a heartbeat whose %s is odd, and takes nothing of it', async (field, value) => {
  const api = await startApi();
  const { status, body } = await api.post('/worker/heartbeat', { ...BEAT, [field]: value });
  expect({ status, code: body.code, field: body.field }).toEqual({
    status: 400,
    code: 'invalid_field',
    field,
  });
  expect((await api.get('/runners')).body).toEqual({ runners: [] });
  expect((await api.get('/events')).body.events).toEqual([]);
});

test('takes the longest problem that there may be', async () => {
  const api = await startApi();
  const problem = 'x'.repeat(500);
  await api.post('/worker/heartbeat', { ...BEAT, problem });
  expect((await api.get('/runners')).body.runners).toMatchObject([{ problem }]);
});

test('tells by events who came and who is lost', async () => {
  const api = await startApi();
  await api.post('/worker/heartbeat', BEAT);
  const lastHeardAt = api.clock.wall();
  api.clock.advance(45_001);
  expect(await api.queue.upkeep.loseRunners()).toBe(1);
  const { events } = (await api.get('/events')).body;
  expect(events).toMatchObject([
    { type: 'runner.lost', details: { ...RUNNER, lastHeardAt }, taskId: null, origin: 'unknown' },
    { type: 'runner.connected', details: { ...RUNNER, tookOver: null }, taskId: null, entrypoint: null },
  ]);
});
