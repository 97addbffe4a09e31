import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually, gone, isAlive, pidsIn } from '../support/eventually.ts';
import { FakeDiscord } from '../support/fake-discord.ts';
import { type Bot, environmentIn, launch, linesOf, ready } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Task API and runner in one process, as `npm start` runs them. */
async function startHouse(more: Record<string, string> = {}) {
  const home = tempFolder();
  const house = launch('start', environmentIn(home, more));
  onTestFinished(async () => void (await house.stop()));
  return { home, house, bot: await ready(house) };
}

async function submitted(bot: Bot, command: string, more: object = {}): Promise<string> {
  return (await bot.post('/tasks', { command, timeout: 600_000, ...more })).taskId;
}

describe('on one machine', () => {
  test('a real shell command gives its output, and its events tell the story', async () => {
    const { bot } = await startHouse();
    const taskId = await submitted(bot, 'echo "hello $((40 + 2))"; echo oops >&2; exit 3');
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'hello 42\n', stderr: 'oops\n', exitCode: 3 });
    await eventually('the reading of the result', async () =>
      (await bot.story(taskId)).includes('task.reconciled'),
    );
    expect(await bot.story(taskId)).toEqual([
      'task.created',
      'task.started',
      'task.failed',
      'task.reconciled',
    ]);
  });

  test('a file is written, edited and read back', async () => {
    const { bot } = await startHouse();
    const write = await bot.post('/files/write', { path: '~/a/notes.txt', content: 'milk, eggs' });
    expect(await bot.result(write.taskId)).toMatchObject({
      stdout: 'File written: ~/a/notes.txt',
      exitCode: 0,
    });
    const edit = await bot.post('/files/edit', {
      path: '~/a/notes.txt',
      old_string: 'eggs',
      new_string: '$& bread',
    });
    expect(await bot.result(edit.taskId)).toMatchObject({ exitCode: 0 });
    const read = await bot.post('/files/read', { path: '~/a/notes.txt' });
    expect(await bot.result(read.taskId)).toMatchObject({ stdout: 'milk, $& bread', exitCode: 0 });
  });

  test.each(['claude', 'codex', 'gemini'])(
    '%s answers, and the second prompt of a session resumes it',
    async (cli) => {
      const { bot } = await startHouse();
      const first = await bot.post(`/${cli}`, { prompt: 'remember the kitchen', sessionId: 'kitchen' });
      const second = await bot.post(`/${cli}`, { prompt: 'recall', sessionId: 'kitchen' });
      expect(await bot.result(first.taskId)).toMatchObject({ exitCode: 0 });
      const answer = await bot.result(second.taskId);
      expect(answer).toMatchObject({ exitCode: 0, error: null });
      expect(answer.stdout).toContain('remember the kitchen');
    },
  );

  test('two tasks of one session never overlap, while a third of another session runs beside them', async () => {
    const { bot, home } = await startHouse();
    const marks = join(home, 'marks');
    const gate = join(home, 'gate');
    const marked = (name: string) =>
      `echo "${name} starts" >> ${marks}; while [ ! -e ${gate} ]; do sleep 0.02; done; echo "${name} ends" >> ${marks}`;
    const first = await submitted(bot, marked('first'), { sessionKey: 'kitchen' });
    const second = await submitted(bot, marked('second'), { sessionKey: 'kitchen' });
    const third = await submitted(bot, marked('third'), { sessionKey: 'garden' });
    await eventually(
      'the first and the third to run',
      () => existsSync(marks) && linesOf(marks).length === 2,
    );
    expect(linesOf(marks).toSorted()).toEqual(['first starts', 'third starts']);
    expect(await bot.get(`/tasks/${second}/state`)).toMatchObject({
      status: 'pending',
      waitingFor: 'blocked',
    });
    await bot.result(await submitted(bot, `touch ${gate}`));
    for (const taskId of [first, second, third])
      expect(await bot.result(taskId)).toMatchObject({ exitCode: 0 });
    const kitchen = linesOf(marks).filter((line) => !line.startsWith('third'));
    expect(kitchen).toEqual(['first starts', 'first ends', 'second starts', 'second ends']);
  });

  test('a running command is cancelled, and its grandchildren are dead', async () => {
    const { bot, home } = await startHouse();
    const pids = join(home, 'pids');
    const taskId = await submitted(
      bot,
      `echo so far; (sleep 600 & echo $! >> ${pids}; wait) & echo $! >> ${pids}; wait`,
    );
    const family = await pidsIn(pids, 2);
    expect(await bot.post(`/tasks/${taskId}/cancel`)).toEqual({
      taskId,
      status: 'running',
      cancelRequested: true,
    });
    expect(await bot.result(taskId)).toMatchObject({ exitCode: -1, error: 'cancelled', stdout: 'so far\n' });
    await gone(family);
    expect(await bot.story(taskId)).toEqual(
      expect.arrayContaining(['task.created', 'task.started', 'task.cancel_requested', 'task.cancelled']),
    );
  });
});

describe('a kill -9 of the Task API', () => {
  test('loses no pending task, unread result, session or event', async () => {
    const env = environmentIn(tempFolder());
    const before = launch('task-api', env);
    const bot = await ready(before);
    const done = await submitted(bot, 'true');
    await bot.get('/worker/poll?wait=1000');
    await bot.post('/worker/result', { taskId: done, stdout: 'kept', exitCode: 0 });
    const waiting = await bot.post('/claude', { prompt: 'later', sessionId: 'kitchen' });
    await before.die();

    const after = launch('task-api', env);
    const again = await ready(after);
    expect(await again.result(done)).toMatchObject({ stdout: 'kept', exitCode: 0 });
    expect(await again.get(`/tasks/${waiting.taskId}/state`)).toMatchObject({
      status: 'pending',
      waitingFor: 'ready',
    });
    expect((await again.get('/sessions/state')).sessions).toMatchObject([
      { sessionId: 'kitchen', taskCount: 1 },
    ]);
    expect((await again.story(done)).slice(0, 3)).toEqual(['task.created', 'task.started', 'task.completed']);
    expect(await after.stop()).toBe(0);
  });

  test('leaves a running task with its living runner, which reports it once', async () => {
    const home = tempFolder();
    const env = environmentIn(home);
    const before = launch('task-api', env);
    const bot = await ready(before);
    const port = new URL(bot.url).port;
    const runner = launch('runner', { ...env, WORKER_URL: bot.url });
    const starts = join(home, 'starts');
    const gate = join(home, 'gate');
    const taskId = await submitted(
      bot,
      `echo $$ >> ${starts}; while [ ! -e ${gate} ]; do sleep 0.02; done; echo done`,
    );
    const [pid = 0] = await pidsIn(starts, 1);
    await before.die();

    const after = launch('task-api', { ...env, WORKER_PORT: port });
    const again = await ready(after);
    expect(await again.get(`/tasks/${taskId}/state`)).toMatchObject({ status: 'running', attempt: 1 });
    expect(isAlive(pid)).toBe(true);
    await again.post('/files/write', { path: gate, content: '' });
    expect(await again.result(taskId)).toMatchObject({ stdout: 'done\n', exitCode: 0 });
    expect(linesOf(starts)).toHaveLength(1);
    expect(await runner.stop()).toBe(0);
    expect(await after.stop()).toBe(0);
  });
});

describe('a kill -9 of the runner', () => {
  test('runs its task again, and the first processes are dead before that', async () => {
    const home = tempFolder();
    // Heartbeats come at a third of it: a machine that stalls for three seconds loses nothing.
    const env = environmentIn(home, { WORKER_LEASE_MS: '5000' });
    const taskApi = launch('task-api', env);
    const bot = await ready(taskApi);
    const runnerEnv = { ...env, WORKER_URL: bot.url };
    const first = launch('runner', runnerEnv);
    const [starts, seen] = [join(home, 'starts'), join(home, 'seen')];
    // The second attempt says whether the first one's process still lives.
    const command = [
      `if [ -s ${starts} ]; then kill -0 $(head -1 ${starts}) 2>/dev/null && echo alive > ${seen} || echo dead > ${seen}; exit 0; fi`,
      `echo $$ >> ${starts}`,
      'sleep 600',
    ].join('; ');
    const taskId = await submitted(bot, command);
    const [pid = 0] = await pidsIn(starts, 1);
    await first.die();
    await gone([pid]);
    const second = launch('runner', runnerEnv);
    expect(await bot.result(taskId)).toMatchObject({ exitCode: 0 });
    expect(readFileSync(seen, 'utf8')).toBe('dead\n');
    await eventually('the whole story', async () => (await bot.story(taskId)).length === 6);
    expect(await bot.story(taskId)).toEqual([
      'task.created',
      'task.started',
      'task.lease_lost',
      'task.started',
      'task.completed',
      'task.reconciled',
    ]);
    expect(await second.stop()).toBe(0);
    expect(await taskApi.stop()).toBe(0);
  });
});

describe('a callback', () => {
  test('arrives with the answer of an AI CLI, over a failing chat API and a kill -9, and is in the story', async () => {
    const discord = await FakeDiscord.start();
    onTestFinished(() => discord.stop());
    const env = environmentIn(tempFolder(), { CALLBACK_API_BASE_URL: discord.baseUrl });
    const before = launch('start', env);
    const bot = await ready(before);
    discord.next({ status: 500 }, 'silence');
    const asked = {
      prompt: 'say hello from the kitchen',
      callbackChannel: 'C1',
      callbackBotToken: 'a-bot-token-of-its-own',
    };
    const { taskId } = await bot.post('/claude', asked);
    await discord.received(2);
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'hello from the kitchen', exitCode: 0 });
    await before.die();

    const after = launch('start', env);
    const again = await ready(after);
    await eventually('the message', () => discord.channel('C1').length > 0);
    expect(discord.channel('C1')).toEqual(['hello from the kitchen']);
    expect(discord.requests.at(-1)?.authorization).toBe('Bot a-bot-token-of-its-own');
    await eventually('its end in the story', async () =>
      (await again.story(taskId)).includes('callback.sent'),
    );
    expect(JSON.stringify([...before.lines, ...after.lines])).not.toContain('a-bot-token-of-its-own');
    expect(await after.stop()).toBe(0);
  });
});
