/** Schedules with seconds on real processes: real commands and prompts come round, over kill -9 and clocks that jump. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import type { Schedule } from '../../src/queue/index.ts';
import { eventually } from '../support/eventually.ts';
import { FakeDiscord } from '../support/fake-discord.ts';
import { faketimeProblem, WallClock } from '../support/faketime.ts';
import { type Bot, environmentIn, launch, linesOf, ready, TOKEN } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

const EVERY_SECOND = '*/1 * * * * *';
const KILLS = 5;

async function schedule(bot: Bot, name: string, task: object, more: object = {}): Promise<Schedule> {
  const body = { name, cron: EVERY_SECOND, overlap: 'queue', task, ...more };
  return (await bot.post('/schedules', body)) as unknown as Schedule;
}

async function look(bot: Bot, id: string): Promise<Schedule> {
  return (await bot.get(`/schedules/${id}`)) as unknown as Schedule;
}

async function tasksOf(bot: Bot, query: string): Promise<{ taskId: string; status: string }[]> {
  const { tasks } = (await bot.get(`/tasks?limit=500&${query}`)) as unknown as {
    tasks: { taskId: string; status: string }[];
  };
  return tasks.reverse();
}

/** The first tasks of a list, once they are completed. */
function completed(bot: Bot, query: string, count: number) {
  return eventually(`${count} completed tasks`, async () => {
    const tasks = await tasksOf(bot, `status=completed&${query}`);
    return tasks.length >= count && tasks.slice(0, count);
  });
}

/** Resolves when the schedule has submitted something that it had not before. */
function runsAgain(bot: Bot, id: string, before: string | null): Promise<string> {
  return eventually('the next run', async () => {
    const { lastTaskId } = await look(bot, id);
    return lastTaskId !== before && lastTaskId;
  });
}

async function pauseAll(bot: Bot): Promise<void> {
  const { schedules } = (await bot.get('/schedules')) as unknown as { schedules: Schedule[] };
  for (const { id } of schedules) {
    const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
    await fetch(`${bot.url}/schedules/${id}`, { method: 'PATCH', headers, body: '{"paused": true}' });
  }
}

test('commands and prompts come round: in a conversation that goes on, and in new ones', async () => {
  const discord = await FakeDiscord.start();
  onTestFinished(() => discord.stop());
  const home = tempFolder();
  const house = launch('start', environmentIn(home, { CALLBACK_API_BASE_URL: discord.baseUrl }));
  onTestFinished(async () => void (await house.stop()));
  const bot = await ready(house);
  const marks = join(home, 'marks');

  await schedule(bot, 'command', { type: 'command', command: `echo once >> ${marks}; echo done` });
  await schedule(bot, 'kitchen', { type: 'claude-cli', prompt: 'count', sessionId: 'kitchen' });
  const secret = 'a-bot-token-of-its-own';
  const callback = { callbackChannel: 'C1', callbackBotToken: secret };
  await schedule(bot, 'anew', { type: 'codex-cli', prompt: 'count', ...callback });

  const commands = await completed(bot, 'type=command', 2);
  const kitchen = await completed(bot, 'sessionKey=claude-cli:kitchen', 2);
  const anew = await completed(bot, 'type=codex-cli', 2);
  await discord.received(2);
  await pauseAll(bot);
  expect(linesOf(marks).length).toBeGreaterThanOrEqual(2);
  const said = async (tasks: { taskId: string }[]) => {
    const results = await Promise.all(tasks.map(({ taskId }) => bot.result(taskId)));
    return results.map(({ stdout }) => stdout.trim());
  };
  expect(await said(commands)).toEqual(['done', 'done']);
  expect(await said(kitchen)).toEqual(['prompts=1', 'prompts=2']);
  expect(await said(anew)).toEqual(['prompts=1', 'prompts=1']);
  expect(discord.requests[0]?.authorization).toBe(`Bot ${secret}`);
  const events = JSON.stringify(await bot.get('/events?limit=500'));
  for (const shown of [events, JSON.stringify(house.lines)]) expect(shown).not.toContain(secret);
});

test('over kill -9 after kill -9 no occurrence is run twice, and what each kill made it miss is run once', async () => {
  const home = tempFolder();
  // A claim whose answer died with the Task API comes back soon.
  const env = environmentIn(home, { WORKER_LEASE_MS: '2000' });
  let taskApi = launch('task-api', env);
  let bot = await ready(taskApi);
  const port = new URL(bot.url).port;
  const runner = launch('runner', { ...env, WORKER_URL: bot.url });
  const marks = join(home, 'marks');
  const command = { type: 'command', command: `echo $$ >> ${marks}` };
  const { id, nextRunAt: first } = await schedule(bot, 'every second', command, { missed: 'once' });

  let last: string | null = null;
  for (let kills = 0; kills < KILLS; kills++) {
    last = await runsAgain(bot, id, last);
    await taskApi.die();
    taskApi = launch('task-api', { ...env, WORKER_PORT: port });
    bot = await ready(taskApi);
  }
  await runsAgain(bot, id, last);
  await pauseAll(bot);
  const lineOf = `sessionKey=schedule:${id}`;
  await eventually('the end of the line', async () =>
    (await tasksOf(bot, lineOf)).every(({ status }) => status === 'completed'),
  );
  const submitted = (await tasksOf(bot, lineOf)).length;
  const { events } = await bot.get('/events?type=schedule.missed&limit=500');
  const missed = events as unknown as { details: { since: number; until: number; runs: true } }[];
  expect(missed.length).toBeLessThanOrEqual(KILLS);
  const withoutRun = missed.map(({ details: { since, until } }) => (until - since) / 1_000);
  expect(await runner.stop()).toBe(0);
  expect(await taskApi.stop()).toBe(0);

  const db = new Database(join(home, 'data', 'tasks.db'), { readonly: true });
  onTestFinished(() => void db.close());
  const passed = db.prepare('SELECT last_occurrence FROM schedules').pluck().get() as number;
  const occurrences = (passed - Number(first)) / 1_000 + 1;
  expect(submitted).toBe(occurrences - withoutRun.reduce((sum, count) => sum + count, 0));
  expect(linesOf(marks).length).toBeGreaterThanOrEqual(submitted);
});

test('a clock that jumps forward makes one run of what it passes over, one that jumps back repeats nothing', async ({
  skip,
}) => {
  const problem = faketimeProblem();
  if (problem !== null && process.env.CI === 'true') throw new Error(problem);
  if (problem !== null) skip(problem);
  const clock = new WallClock();
  const home = tempFolder();
  const house = launch('task-api', { ...environmentIn(home), ...clock.env });
  onTestFinished(async () => void (await house.stop()));
  const bot = await ready(house);
  const idle = { type: 'command', command: 'true' };
  const { id } = await schedule(bot, 'first', idle, { missed: 'once' });
  const before = await runsAgain(bot, id, null);

  clock.set(3_600);
  const missed = await eventually('what was missed', async () => {
    const { events } = await bot.get('/events?type=schedule.missed');
    return events.length > 0 && (events as unknown as { details: { since: number; until: number } }[]);
  });
  expect(missed).toHaveLength(1);
  const [{ details }] = missed as [(typeof missed)[0]];
  expect(details).toMatchObject({ name: 'first', runs: true });
  expect((details.until - details.since) / 1_000).toBeGreaterThan(3_500);
  await runsAgain(bot, id, before);

  clock.set(0);
  const other = await schedule(bot, 'second', idle);
  const settled = await look(bot, id);
  const once = await runsAgain(bot, other.id, null);
  await runsAgain(bot, other.id, once);
  expect(await look(bot, id)).toEqual(settled);
  expect(Number(settled.nextRunAt) - Date.now()).toBeGreaterThan(3_500_000);
});
