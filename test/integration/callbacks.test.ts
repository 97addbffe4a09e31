/** Callbacks through restarts and crashes, on real files, sockets and processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CallbackStage } from '../support/callback-stage.ts';
import type { Fate } from '../support/fake-discord.ts';

const PROCESS = fileURLToPath(new URL('../support/callback-process.ts', import.meta.url));
/** Five messages of a little less than 2,000 characters. */
const FIVE = [1, 2, 3, 4, 5].map((n) => `${String(n).repeat(1_900)}\n`);
const MINUTE = 60_000;
const busy: Fate = { status: 503 };

async function passed(stage: CallbackStage, target = '1'): Promise<string[]> {
  await stage.until(() => stage.queue.outbox.counts().pending === 0);
  return stage.discord.channel(target);
}

describe('an owed callback', () => {
  it('survives restarts between its attempts, and arrives once', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(busy, 'reset', 'lost answer');
    await stage.owe('the answer');
    for (const [attempt, delayMs] of [2_500, 5_000, 10_000].entries()) {
      await stage.did('defer', attempt + 1);
      await stage.stop();
      await stage.start();
      expect(stage.queue.outbox.counts()).toEqual({ pending: 1, dead: 0 });
      stage.clock.advance(delayMs);
    }
    expect(await passed(stage)).toEqual(['the answer']);
    expect(stage.discord.requests).toHaveLength(4);
  });

  it('keeps its place in the stream through a restart', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(busy);
    await stage.owe('first');
    await stage.did('defer');
    await stage.owe('second');
    await stage.stop();
    await stage.start();
    stage.clock.advance(2_500);
    expect(await passed(stage)).toEqual(['first', 'second']);
  });

  it('keeps its text when the result is read before it is sent', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(busy);
    const taskId = await stage.owe('the answer');
    await stage.did('defer');
    stage.queue.consume(taskId);
    stage.clock.advance(2_500);
    expect(await passed(stage)).toEqual(['the answer']);
  });
});

describe('a callback of five messages', () => {
  it('whose third fails goes on with the third, even after a restart', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next('taken', 'taken', busy);
    await stage.owe(FIVE.join(''));
    await stage.did('defer');
    expect(stage.discord.channel('1')).toEqual(FIVE.slice(0, 2));
    await stage.stop();
    await stage.start();
    stage.clock.advance(2_500);
    expect(await passed(stage)).toEqual(FIVE);
    const sent = stage.discord.requests.map(({ body }) => Number(String(body.content)[0]));
    expect(sent).toEqual([1, 2, 3, 3, 4, 5]);
  });

  it('whose process is killed in the middle arrives whole and once', async () => {
    const stage = await CallbackStage.open();
    await stage.stop();
    stage.discord.next('taken', 'late answer');
    const child = spawn(process.execPath, [PROCESS, stage.folder, stage.discord.baseUrl, FIVE.join('')], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const exit = once(child, 'exit');
    onTestFinished(() => void child.kill('SIGKILL'));
    await stage.discord.received(2);
    child.kill('SIGKILL');
    await exit;
    await stage.start();
    // The database remembers how long it has been in use as of its last checkpoint only; due times lie behind that.
    stage.clock.advance(MINUTE);
    expect(await passed(stage)).toEqual(FIVE);
    const sent = stage.discord.requests.map(({ body }) => Number(String(body.content)[0]));
    expect(sent).toEqual([1, 2, 2, 3, 4, 5]);
  });
});
