/** `/runner show` and `/runner cancel`: one task, as a chat calls it. */
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Api, startApi } from '../support/http.ts';
import { ELSEWHERE, StandInRunner, TestPlugin } from '../support/plugin.ts';

async function aChat() {
  const api = await startApi();
  return { api, plugin: new TestPlugin(api), runner: new StandInRunner(api) };
}

const newest = async (api: Api): Promise<string> => (await api.get('/tasks?limit=1')).body.tasks[0].taskId;
const statusOf = async (api: Api, taskId: string) => (await api.get(`/tasks/${taskId}/state`)).body.status;
const isRead = (api: Api, taskId: string) =>
  eventually('it is read', async () => (await api.get(`/tasks/${taskId}/state`)).body.readAt !== null);

describe('/runner show', () => {
  it('tells why a task waits', async () => {
    const { api, plugin } = await aChat();
    await plugin.say('/cc one');
    const taskId = await newest(api);
    expect(await plugin.say('/runner show')).toMatch(
      new RegExp(
        `^Claude ${taskId.slice(-8)} waits\\. It is ready, and waits for a runner .* none is connected\\.$`,
      ),
    );
  });

  it('tells what a task has printed so far, and since when it runs', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cc one');
    const task = await runner.take();
    const title = `Claude ${task.taskId.slice(-8)}`;
    api.clock.advance(65_000);
    expect(await plugin.say('/runner show')).toBe(
      `${title} has run for 1 min on laptop. It has said nothing yet.`,
    );
    await task.print('{"raw": 1}\n');
    await task.print('oops\n', 'stderr');
    expect(await plugin.say('/runner show')).toBe(
      `${title} has run for 1 min on laptop. So far:\n{"raw": 1}\noops`,
    );
    await task.print('Reading a file.\n', 'transcript');
    await task.print('Done.\n', 'transcript');
    expect(await plugin.say('/runner show')).toBe(
      `${title} has run for 1 min on laptop. So far:\nReading a file.\nDone.`,
    );
  });

  it('tells the end of what is long', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cc one');
    const task = await runner.take();
    await task.print(`begin${'x'.repeat(2_000)}end`);
    const [, shown = ''] = (await plugin.say('/runner show')).split('So far:\n');
    expect([shown.length, shown.slice(0, 2), shown.slice(-4)]).toEqual([1_501, '…x', 'xend']);
    await task.finish({ stdout: `begin${'y'.repeat(2_000)}end` });
    const [, ended = ''] = (await plugin.say('/runner show')).split('ago.\n');
    expect([ended.length, ended.slice(0, 2), ended.slice(-4)]).toEqual([1_501, '…y', 'yend']);
  });

  it.each([
    [{ stdout: 'hello\n' }, 'was done 2 min ago.\nhello'],
    [{}, 'was done 2 min ago.\n(no output)'],
    [
      { exitCode: 3, error: 'the limit is reached', stdout: 'so far\n', stderr: 'details\n' },
      /^failed 2 min ago\.\nthe limit is reached\nso far$/,
    ],
  ])('tells the result (%o), and leaves it there', async (result, told) => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cx one');
    const task = await runner.take();
    await task.finish(result);
    api.clock.advance(120_000);
    for (let n = 0; n < 2; n += 1)
      expect((await plugin.say('/runner show')).replace(`Codex ${task.taskId.slice(-8)} `, '')).toMatch(told);
  });

  it('tells that a result was read, and is gone', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cc one');
    const task = await runner.take();
    await task.finish({ stdout: 'hello' });
    await api.get(`/tasks/${task.taskId}`);
    await isRead(api, task.taskId);
    expect(await plugin.say(`/runner show ${task.taskId}`)).toMatch(
      /^Claude .{8} was done 0 s ago\.\nIts result was read, and is gone\.$/,
    );
  });

  it('finds a task by its name and by its whole id, and without them the last of the chat', async () => {
    const { api, plugin } = await aChat();
    await plugin.say('/cc one');
    const first = await newest(api);
    await plugin.say('/cx two');
    const second = await newest(api);
    await plugin.say('/gemini three', ELSEWHERE);
    expect(await plugin.say(`/runner show ${first.slice(-8)}`)).toContain(`Claude ${first.slice(-8)} waits.`);
    expect(await plugin.say(`/runner  show   ${first}`)).toContain(`Claude ${first.slice(-8)} waits.`);
    expect(await plugin.say('/runner show')).toContain(`Codex ${second.slice(-8)} waits.`);
  });

  it('tells how tasks of other chats go, and nothing of what they say', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cc one', ELSEWHERE);
    const name = (await newest(api)).slice(-8);
    const show = () => plugin.say(`/runner show ${name}`);
    expect(await show()).toContain(`Claude ${name} waits. It is ready`);
    const task = await runner.take();
    await task.print('a secret');
    expect(await show()).toBe(`Claude ${name} has run for 0 s on laptop.`);
    await task.finish({ stdout: 'a secret' });
    expect(await show()).toBe(`Claude ${name} was done 0 s ago.`);
    expect(await plugin.say(`/runner show ${task.taskId}`)).toBe(`Claude ${name} was done 0 s ago.`);
    expect(await plugin.say('/runner show')).toBe('There is no such task of this chat.');
    expect(await plugin.say(`/runner show ${name}`, ELSEWHERE)).toContain('a secret');
  });

  it('says that there is none', async () => {
    const { plugin } = await aChat();
    expect(await plugin.say('/runner show')).toBe('There is no such task of this chat.');
    await plugin.say('/cc one');
    for (const word of ['show', 'cancel'])
      expect(await plugin.say(`/runner ${word} 12345678`)).toBe('No task is called 12345678.');
  });
});

describe('/runner cancel', () => {
  it('ends a task that waits', async () => {
    const { api, plugin } = await aChat();
    await plugin.say('/cc one');
    const taskId = await newest(api);
    expect(await plugin.say('/runner cancel')).toBe(`Claude ${taskId.slice(-8)} is cancelled.`);
    expect(await statusOf(api, taskId)).toBe('cancelled');
  });

  it('asks the runner of a task that runs to stop it', async () => {
    const { api, plugin, runner } = await aChat();
    await plugin.say('/cc one');
    const { taskId } = await runner.take();
    expect(await plugin.say(`/runner cancel ${taskId.slice(-8)}`)).toBe(
      `Claude ${taskId.slice(-8)} is asked to stop; its runner ends it within seconds.`,
    );
    expect((await api.get(`/tasks/${taskId}/state`)).body).toMatchObject({
      ...{ status: 'running', cancelRequested: true },
    });
  });

  it('without a name takes the last one of the chat that has not ended', async () => {
    const { api, plugin, runner } = await aChat();
    const ids: string[] = [];
    for (const prompt of ['one', 'two', 'three']) {
      await plugin.say(`/cc-new ${prompt}`);
      ids.push(await newest(api));
    }
    await plugin.say('/cc four', ELSEWHERE);
    await runner.take();
    await plugin.say(`/runner cancel ${ids[2]}`);
    for (let n = 0; n < 2; n += 1) await plugin.say('/runner cancel');
    expect(await Promise.all(ids.map((id) => statusOf(api, id)))).toEqual([
      'running',
      'cancelled',
      'cancelled',
    ]);
    expect((await api.get(`/tasks/${ids[0]}/state`)).body.cancelRequested).toBe(true);
    expect(await statusOf(api, await newest(api))).toBe('pending');
  });

  it('of a name ends the task of another chat, too', async () => {
    const { api, plugin } = await aChat();
    await plugin.say('/cc one', ELSEWHERE);
    const taskId = await newest(api);
    expect(await plugin.say(`/runner cancel ${taskId.slice(-8)}`)).toBe(
      `Claude ${taskId.slice(-8)} is cancelled.`,
    );
  });

  it('says that nothing is left to cancel', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cc one');
    await (await runner.take()).finish();
    expect(await plugin.say('/runner cancel')).toBe('There is no such task of this chat.');
  });

  it('says that a task has ended already', async () => {
    const { plugin, runner } = await aChat();
    await plugin.say('/cc one');
    const task = await runner.take();
    await task.finish();
    expect(await plugin.reply(`/runner cancel ${task.taskId}`)).toMatchObject({
      text: expect.stringMatching(/^❌ .*(completed|ended|finished)/),
      isError: true,
    });
  });
});
