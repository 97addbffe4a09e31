/**
 * The clock on the wall of real processes jumps by an hour, which is longer than every retention here: nothing expires,
 * nothing lives for ever, no order changes.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { eventually, pidsIn } from '../support/eventually.ts';
import { FakeDiscord } from '../support/fake-discord.ts';
import { faketimeProblem, WallClock } from '../support/faketime.ts';
import { type Bot, environmentIn, launch, linesOf, ready } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

const PROBLEM = faketimeProblem();
const HOUR_S = 3_600;

beforeEach(({ skip }) => {
  if (PROBLEM !== null && process.env.CI === 'true') throw new Error(PROBLEM);
  if (PROBLEM !== null) skip(PROBLEM);
});

/** A Task API and a runner with one slot, whose clocks the test sets. */
async function startHouse() {
  const discord = await FakeDiscord.start();
  onTestFinished(() => discord.stop());
  const home = tempFolder();
  const clocks = { taskApi: new WallClock(), runner: new WallClock() };
  const settings = { CALLBACK_API_BASE_URL: discord.baseUrl, MAX_CONCURRENT: '1', RUNNER_DRAIN_MS: '0' };
  const env = environmentIn(home, settings);
  const taskApi = launch('task-api', { ...env, ...clocks.taskApi.env });
  const bot = await ready(taskApi);
  const runner = launch('runner', { ...env, ...clocks.runner.env, WORKER_URL: bot.url });
  onTestFinished(async () => void (await Promise.all([runner.stop(), taskApi.stop()])));
  return { bot, clocks, discord, marks: join(home, 'marks') };
}

type House = Awaited<ReturnType<typeof startHouse>>;

interface State {
  status: string;
  waitingFor: string | null;
  attempt: number;
  lost: number;
  createdAt: number;
}

async function stateOf(bot: Bot, taskId: string): Promise<State> {
  return (await bot.get(`/tasks/${taskId}/state`)) as unknown as State;
}

/** An answered prompt, whose result nobody has read and whose callback is owed since the chat API refused it once. */
async function haveChat({ bot, discord }: House): Promise<string> {
  discord.next({ status: 500 });
  const callback = { callbackChannel: 'C1', callbackBotToken: 'a-bot-token-of-its-own' };
  const { taskId } = await bot.post('/claude', { prompt: 'say salt', sessionId: 'kitchen', ...callback });
  await discord.received(1);
  return taskId;
}

/** A command that leaves its mark when it begins. */
async function submit({ bot, marks }: House, name: string, more: object = {}, then = ''): Promise<string> {
  return (await bot.post('/tasks', { command: `echo ${name} >> ${marks}${then}`, ...more })).taskId;
}

/** One that runs until the gate is open. */
async function haveRunning(house: House): Promise<{ running: string; openGate: () => void }> {
  const [gate, pids] = [`${house.marks}.gate`, `${house.marks}.pids`];
  const wait = `; echo $$ >> ${pids}; while [ ! -e ${gate} ]; do sleep 0.05; done`;
  const running = await submit(house, 'running', { sessionKey: 'key', timeout: 600_000 }, wait);
  await pidsIn(pids, 1);
  return { running, openGate: () => writeFileSync(gate, '') };
}

/**
 * One that a runner has claimed which is never heard of again: it is given away in ten seconds. The lease is that of its
 * next attempt too, which must outlive a stall of the machine.
 */
async function haveAbandoned(house: House): Promise<string> {
  const abandoned = await submit(house, 'abandoned', { leaseMs: 5_000 });
  const claims = await house.bot.get('/worker/poll?wait=1000&max=1&runnerId=ghost&instanceId=ghost-1');
  expect(claims).toMatchObject([{ id: abandoned }]);
  return abandoned;
}

/** How far the clock of the Task API is from the right time, in seconds, by what it prints. */
async function offsetShown(house: House): Promise<number> {
  const { createdAt } = await stateOf(house.bot, await submit(house, 'late'));
  return Math.round((createdAt - Date.now()) / 1_000);
}

test.each([
  ['forward', HOUR_S],
  ['back', -HOUR_S],
])('an hour %s: of both clocks, and beside that of the runner alone', async (_way, jumpS) => {
  await Promise.all([liveThrough(jumpS, jumpS), liveThrough(0, jumpS)]);
});

/** Everything that a task can be is there when the clocks jump by so many seconds; then all of it ends well. */
async function liveThrough(taskApiS: number, runnerS: number): Promise<void> {
  const house = await startHouse();
  const { bot, clocks, discord, marks } = house;
  const chat = await haveChat(house);
  const { running, openGate } = await haveRunning(house);
  const abandoned = await haveAbandoned(house);
  const behind = await submit(house, 'behind', { sessionKey: 'key' });
  const pending = await submit(house, 'pending');
  const waiter = bot.result(pending);
  const poll = bot.get('/worker/poll?wait=60000&max=1&runnerId=other&instanceId=other-1&types=gemini-cli');
  // Where the test fails before, nobody looks at them.
  for (const answer of [waiter, poll]) answer.catch(() => {});

  clocks.taskApi.set(taskApiS);
  clocks.runner.set(runnerS);
  const offset = await offsetShown(house);
  expect(Math.abs(offset - taskApiS)).toBeLessThan(HOUR_S / 2);

  // The duties go on, and this is the only lease that is over.
  await eventually('the end of the abandoned lease', async () => (await stateOf(bot, abandoned)).lost === 1);
  expect(await stateOf(bot, running)).toMatchObject({ status: 'running', attempt: 1, lost: 0 });
  expect(await stateOf(bot, behind)).toMatchObject({ status: 'pending', waitingFor: 'blocked' });
  expect(await stateOf(bot, pending)).toMatchObject({ status: 'pending', waitingFor: 'ready' });
  expect(await stateOf(bot, chat)).toMatchObject({ status: 'completed', readAt: null });
  const asked = await bot.post('/gemini', { prompt: 'say pepper' });
  expect(await poll).toMatchObject([{ id: asked.taskId }]);
  await eventually('the owed callback', () => discord.channel('C1').length > 0);

  openGate();
  expect(await waiter).toMatchObject({ exitCode: 0 });
  await eventually('the last command', () => linesOf(marks).length === 5);
  expect(linesOf(marks)).toEqual(['running', 'abandoned', 'behind', 'pending', 'late']);
  expect(discord.channel('C1')).toEqual(['salt']);
  expect(await bot.result(chat)).toMatchObject({ stdout: 'salt', exitCode: 0 });
  // The runner still knows which conversation it is.
  const recalled = await bot.post('/claude', { prompt: 'recall', sessionId: 'kitchen' });
  expect((await bot.result(recalled.taskId)).stdout).toContain('say salt');

  const { events } = (await bot.get('/events?limit=500')) as unknown as { events: Event[] };
  const order = events.map(({ seq }) => seq);
  expect(order).toEqual(order.toSorted((a, b) => b - a));
  const types = events.map(({ type }) => type);
  expect(types.filter((type) => type === 'task.lease_lost')).toHaveLength(1);
  expect(types).not.toContain('task.expired');
}

interface Event {
  seq: number;
  type: string;
}
