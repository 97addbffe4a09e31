/** `/runner`: what runs, what waits and why, who is connected, and which answers can't be sent. */
import { describe, expect, it } from 'vitest';
import type { PauseOf } from '../../src/queue/callbacks.ts';
import { startOwing } from '../support/callback-api.ts';
import { startFront } from '../support/front.ts';
import type { Api } from '../support/http.ts';
import { ELSEWHERE, HERE, StandInRunner, TestPlugin, WEBCHAT } from '../support/plugin.ts';
import { roomFor } from '../support/queue.ts';

async function aGateway() {
  const api = await startOwing();
  return { api, plugin: new TestPlugin(api), runner: new StandInRunner(api) };
}

const nameOf = async (api: Api, place = 0) => (await api.get('/tasks')).body.tasks[place].taskId.slice(-8);

/** A message of a task that can't be sent, and why. */
async function pause(api: Api, of: Pick<PauseOf, 'kind' | 'target'>, error: string): Promise<void> {
  const callback = { kind: of.kind, target: of.target ?? '1' };
  const { taskId } = (await api.post('/tasks', { command: 'a', callback })).body;
  await api.post(`/tasks/${taskId}/cancel`);
  const [owed] = await api.queue.outbox.take(roomFor(1));
  await api.queue.outbox.pause(owed?.id ?? '', { ...of, token: null }, error, 60_000);
}

describe('/runner', () => {
  it('with nothing says so, and how to start a runner', async () => {
    const { plugin } = await aGateway();
    const nothing = 'No runner is connected: start one with `npm run runner`.\n\nNothing runs.';
    expect(await plugin.reply('/runner')).toEqual({ text: nothing });
  });

  it('shows who is connected, what runs, and what waits and why', async () => {
    const { api, plugin, runner } = await aGateway();
    await plugin.say('/cc one');
    const running = await runner.take();
    await runner.connect({ leases: [running.leaseId] });
    await plugin.say('/cc two');
    api.clock.advance(10_000);
    const lines = (await plugin.say('/runner')).split('\n');
    expect(lines).toEqual([
      'Connected',
      '• laptop, 1 of 2 slots in use',
      '',
      'Running',
      `• Claude ${running.taskId.slice(-8)}, 10 s on laptop`,
      '',
      'Waiting',
      expect.stringMatching(
        new RegExp(`^• Claude ${await nameOf(api)}, 10 s: It waits behind task ${running.taskId} .*$`),
      ),
    ]);
  });

  it('counts the time of what runs from its start', async () => {
    const { api, plugin, runner } = await aGateway();
    await plugin.say('/cc one');
    api.clock.advance(40_000);
    await runner.take();
    api.clock.advance(5_000);
    expect(await plugin.say('/runner')).toMatch(/• Claude .{8}, 5 s on laptop/);
  });

  it('shows what was asked to stop', async () => {
    const { plugin, runner } = await aGateway();
    await plugin.say('/cc one');
    await runner.take();
    await plugin.say('/runner cancel');
    expect(await plugin.say('/runner')).toMatch(/^• Claude .{8}, 0 s on laptop, asked to stop$/m);
  });

  it('shows what keeps a runner from its work', async () => {
    const { plugin, runner } = await aGateway();
    await runner.connect({
      problem: 'its disk is full',
      paused: [{ type: 'claude-cli', until: null, reason: 'the limit of the account\nis reached' }],
    });
    expect(await plugin.say('/runner')).toContain(
      '• laptop, 0 of 2 slots in use; takes no claude-cli: the limit of the account is reached; its disk is full',
    );
  });

  it('leaves out a runner that is gone', async () => {
    const { api, plugin, runner } = await aGateway();
    await runner.connect();
    api.clock.advance(60_000);
    expect(await plugin.say('/runner')).toContain('No runner is connected');
  });

  it('shows the one that was asked for first first, 10 at most, and how many more there are', async () => {
    const { api, plugin } = await aGateway();
    for (let n = 1; n <= 12; n += 1) await plugin.say(`/cc-new ${n}`);
    const [, waiting = ''] = (await plugin.say('/runner')).split('Waiting\n');
    const names = [...waiting.matchAll(/^• Claude (.{8}),/gm)].map(([, name]) => name);
    const all = (await api.get('/tasks')).body.tasks.map(({ taskId }: { taskId: string }) =>
      taskId.slice(-8),
    );
    expect(names).toEqual(all.toReversed().slice(0, 10));
    expect(waiting.endsWith('\n• and 2 more')).toBe(true);
  });

  it('says how many more there are, of hundreds', async () => {
    const { api, plugin } = await aGateway();
    const tasks = Array.from({ length: 255 }, () => ({ type: 'command', command: 'a' }));
    for (let n = 0; n < 2; n += 1) await api.post('/tasks/batch', { tasks });
    const text = await plugin.say('/runner');
    expect(text).not.toContain('and 490 more');
  });

  it('shows ten without any more', async () => {
    const { plugin } = await aGateway();
    for (let n = 1; n <= 10; n += 1) await plugin.say(`/cc-new ${n}`);
    expect(await plugin.say('/runner')).not.toContain('more');
  });
});

describe('/runner, from whichever chat', () => {
  it('shows the tasks of all', async () => {
    const { api, plugin } = await aGateway();
    await plugin.say('/cc elsewhere', ELSEWHERE);
    const theirs = await nameOf(api);
    await plugin.say('/cc here');
    const ours = await nameOf(api);
    await api.post('/tasks', { command: 'of no chat' });
    const others = await nameOf(api);
    for (const context of [HERE, ELSEWHERE]) {
      const text = await plugin.say('/runner', context);
      expect([ours, theirs, others].filter((name) => text.includes(name))).toEqual([ours, theirs, others]);
    }
  });

  it('shows nothing of what they are about', async () => {
    const { plugin } = await aGateway();
    await plugin.say('/cc the secret of this chat');
    expect(await plugin.say('/runner', ELSEWHERE)).not.toContain('secret');
  });

  it('shows which answers wait, and why', async () => {
    const { api, plugin } = await aGateway();
    await pause(api, { kind: 'telegram', target: '777' }, 'HTTP 403: bot was\nkicked');
    api.clock.advance(120_000);
    expect(await plugin.say('/runner')).toMatch(
      /\n\nAnswers wait, since they were refused\n• telegram 777, 2 min ago: HTTP 403: bot was kicked$/,
    );
    await pause(api, { kind: 'slack', target: null }, 'HTTP 401');
    expect(await plugin.say('/runner', ELSEWHERE)).toContain('\n• slack, 0 s ago: HTTP 401');
  });
});

describe('a prompt whose answer would wait', () => {
  it.each([
    ['its chat', { kind: 'telegram', target: '777' } as const],
    ['the bot', { kind: 'telegram', target: null } as const],
  ])('says so, when %s is refused', async (_what, of) => {
    const { api, plugin } = await aGateway();
    await pause(api, of, 'HTTP 403: bot was\nkicked');
    expect(await plugin.say('/cc hi')).toContain(
      '⚠ The answer will wait, since the way back is refused: HTTP 403: bot was kicked. /runner show',
    );
  });

  it.each([
    ['another chat', { kind: 'telegram', target: '888' } as const],
    ['another channel with the same id', { kind: 'discord', target: '777' } as const],
    ['another bot', { kind: 'slack', target: null } as const],
  ])('is none, when %s is refused', async (_what, of) => {
    const { api, plugin } = await aGateway();
    await pause(api, of, 'HTTP 403');
    expect(await plugin.say('/cc hi')).toContain('The answer comes here.');
    expect(await plugin.say('/cc hi', WEBCHAT)).toContain('The answer comes here.');
  });

  it('is taken, though nobody can say whether it would', async () => {
    const { api } = await aGateway();
    const url = await startFront(api, (call) => !call.startsWith('GET /callbacks'));
    const answer = await new TestPlugin(api, { url }).reply('/cc hi');
    expect(answer).toEqual({
      text: expect.stringMatching(
        /^⏳ .*\nWhether the answer can come here is not known: No Task API answers .*\. \/runner show/,
      ),
    });
  });
});

it.each(['/runner what', '/runner shows', '/runner show a b', '/runner cancel a b', '/runner help me'])(
  '%s tells how it is used',
  async (text) => {
    const { plugin } = await aGateway();
    expect(await plugin.reply(text)).toEqual({
      text: [
        '/runner shows what runs, what waits and why, and who is connected.',
        '/runner show [task] tells how a task goes; without one it is the last of this chat.',
        '/runner cancel [task] stops it.',
      ].join('\n'),
    });
  },
);
