/** What a submission asks for, with real processes: which runner takes it, and when. */
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { faketimeProblem, WallClock } from '../support/faketime.ts';
import { type Bot, environmentIn, launch, ready } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

async function stateOf(bot: Bot, taskId: string): Promise<Record<string, unknown>> {
  return (await bot.get(`/tasks/${taskId}/state`)) as unknown as Record<string, unknown>;
}

test('a runner takes the tasks of its queues and types, and no others', async () => {
  const home = tempFolder();
  const settings = { RUNNER_QUEUES: 'gpu, default', RUNNER_TYPES: 'command' };
  const house = launch('start', environmentIn(home, settings));
  onTestFinished(async () => void (await house.stop()));
  const bot = await ready(house);
  const entries = [
    { type: 'command', command: 'echo elsewhere', queue: 'mac' },
    { type: 'claude-cli', prompt: 'say hello', queue: 'gpu' },
    { type: 'command', command: 'echo here', queue: 'gpu' },
    { type: 'command', command: 'echo there' },
  ];
  const batch = (await bot.post('/tasks/batch', { tasks: entries })) as unknown as {
    tasks: { taskId: string }[];
  };
  const [mac = '', prompt = '', gpu = '', plain = ''] = batch.tasks.map(({ taskId }) => taskId);
  expect(await bot.result(gpu)).toMatchObject({ stdout: 'here\n' });
  expect(await bot.result(plain)).toMatchObject({ stdout: 'there\n' });
  for (const id of [mac, prompt])
    expect(await stateOf(bot, id)).toMatchObject({ waitingFor: 'ready', attempt: 0 });
});

describe('a time of the wall clock', () => {
  const PROBLEM = faketimeProblem();
  const HOUR_S = 3_600;

  beforeEach(({ skip }) => {
    if (PROBLEM !== null && process.env.CI === 'true') throw new Error(PROBLEM);
    if (PROBLEM !== null) skip(PROBLEM);
  });

  function startHouse(clock: WallClock, home: string) {
    const house = launch('start', { ...environmentIn(home), ...clock.env });
    onTestFinished(async () => void (await house.stop()));
    return house;
  }

  const inAnHour = () => ({
    command: 'echo now',
    runAt: new Date(Date.now() + HOUR_S * 1_000).toISOString(),
  });

  test('has come when the clock is set forward, a few seconds later at most', async () => {
    const clock = new WallClock();
    const bot = await ready(startHouse(clock, tempFolder()));
    const { taskId } = await bot.post('/tasks', inAnHour());
    expect(await stateOf(bot, taskId)).toMatchObject({ waitingFor: 'delayed' });
    clock.set(HOUR_S + 1);
    await eventually('its end', async () => (await stateOf(bot, taskId)).status === 'completed');
  });

  test('has come when it passed while the Task API was down', async () => {
    const [clock, home] = [new WallClock(), tempFolder()];
    const first = startHouse(clock, home);
    const { taskId } = await (await ready(first)).post('/tasks', inAnHour());
    await first.stop();
    clock.set(HOUR_S + 1);
    const bot = await ready(startHouse(clock, home));
    expect(await bot.result(taskId)).toMatchObject({ stdout: 'now\n' });
  });
});
