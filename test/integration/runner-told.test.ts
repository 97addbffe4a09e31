/** What a runner tells the Task API of its AI CLIs, as real processes: limits that they met, versions, sessions. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunnerState } from '../../src/queue/runners.ts';
import { eventually } from '../support/eventually.ts';
import { type Bot, environmentIn, launch, ready } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { freshEnvironment, ours, outcomeOf } from '../support/terminal.ts';

/** A Task API whose host has no AI CLI, and a runner, `mine`, on another. */
async function aPlace(more: Record<string, string> = {}) {
  const bot = await ready(launch('task-api', environmentIn(tempFolder())));
  const home = tempFolder();
  const env = environmentIn(home, { ...more, WORKER_URL: bot.url, RUNNER_ID: 'mine' });
  launch('runner', env);
  return { bot, home, env };
}

async function mine(bot: Bot): Promise<RunnerState | undefined> {
  const { runners } = (await bot.get('/runners')) as unknown as { runners: RunnerState[] };
  return runners.find(({ runnerId }) => runnerId === 'mine');
}

/** A claude whose account has reached its limit. */
function limitedClaude(resetsAt: number): string {
  const path = join(tempFolder(), 'claude');
  const limit = { status: 'rejected', resetsAt: resetsAt / 1_000, rateLimitType: 'five_hour' };
  const result = { type: 'result', subtype: 'success', is_error: true, result: "You've hit your limit" };
  const lines = [{ type: 'rate_limit_event', rate_limit_info: limit }, result];
  const printed = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  writeFileSync(path, `#!/bin/sh\ncat >/dev/null\ncat <<'EOF'\n${printed}EOF\nexit 1\n`);
  chmodSync(path, 0o755);
  return path;
}

test('a limit that an AI CLI met pauses its type and no other; states and runners say why', async () => {
  const until = Math.ceil(Date.now() / 60_000) * 60_000 + 3_600_000;
  const { bot, env } = await aPlace({ CLAUDE_PATH: limitedClaude(until) });
  const prompt = (text: string) => bot.post('/claude', { prompt: text });
  const met = await bot.result((await prompt('the first')).taskId);
  expect(met).toMatchObject({ exitCode: 1, metadata: { cause: 'rate_limit', resetsAt: until } });

  const behind = await Promise.all([prompt('the second'), prompt('the third')]);
  const runner = await eventually('the pause', async () => {
    const one = await mine(bot);
    return one?.paused.length ? one : undefined;
  });
  const close = (given: number) => Math.abs(given - until) < 5_000;
  expect(runner).toMatchObject({
    healthy: true,
    problem: null,
    paused: [{ type: 'claude-cli', until: expect.toSatisfy(close), reason: 'rate limit' }],
  });
  for (const { taskId } of behind) {
    const state = await bot.get(`/tasks/${taskId}/state`);
    expect(state).toMatchObject({ status: 'pending', lost: 0, failures: 0 });
    expect(state).toMatchObject({
      reason: expect.stringMatching(/claude-cli is paused on the runner "mine" until 20\S+Z: rate limit/),
    });
  }
  const { taskId } = await bot.post('/tasks', { command: 'echo goes on' });
  expect(await bot.result(taskId)).toMatchObject({ stdout: 'goes on\n' });
  const client = freshEnvironment(tempFolder(), {
    WORKER_URL: bot.url,
    WORKER_TOKEN: env.WORKER_TOKEN ?? '',
  });
  expect((await outcomeOf(ours('runners'), { env: client })).out).toMatch(
    /^mine: claude-cli is paused, goes on in (59m|1h): rate limit$/m,
  );
});

test('the sessions on its host are listed at once, and those that came since', async () => {
  const { bot, home } = await aPlace();
  await eventually('the runner', () => mine(bot));
  const write = (name: string, text: string) => {
    const folder = join(home, '.claude/projects/-home-user-project');
    mkdirSync(folder, { recursive: true });
    const line = { type: 'user', message: { role: 'user', content: text } };
    writeFileSync(join(folder, `${name}.jsonl`), `${JSON.stringify(line)}\n`);
  };
  expect(await bot.get('/codex/recent')).toEqual({ sessions: [] });
  write('0199a213-81c0-4800-8aa1-bbab2a035a53', 'mend the door');
  expect((await bot.get('/gemini/recent')).sessions).toEqual([]);
  const { sessions } = await eventually('the session', async () => {
    const answer = await bot.get('/claude/recent');
    return answer.sessions.length > 0 ? answer : undefined;
  });
  expect(sessions).toMatchObject([
    { sessionId: '0199a213-81c0-4800-8aa1-bbab2a035a53', topic: 'mend the door', runnerId: 'mine' },
  ]);
});

test('the versions of what it runs are known once they were run', async () => {
  const { bot } = await aPlace();
  await bot.result((await bot.post('/claude', { prompt: 'say hello' })).taskId);
  const versions = { runner: expect.stringMatching(/^\d+\.\d+\.\d+/), claude: expect.stringMatching(/^\d/) };
  await eventually('the version', async () => {
    const told = (await mine(bot))?.capabilities?.versions as object | undefined;
    return told !== undefined && 'claude' in told;
  });
  expect(await mine(bot)).toMatchObject({ capabilities: { versions } });
});
