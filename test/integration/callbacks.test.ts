/** Callbacks through restarts and crashes, on real files, sockets and processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CALLBACK_KINDS } from '../../src/destination.ts';
import type { Errand } from '../support/callback-process.ts';
import { baseUrlsOf } from '../support/callback-sinks.ts';
import { CallbackStage } from '../support/callback-stage.ts';
import type { Fate } from '../support/fake-chat.ts';
import { type FarServer, farServer } from '../support/far-servers.ts';
import { ManualClock } from '../support/manual-clock.ts';

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
      expect(stage.queue.outbox.counts()).toEqual({ pending: 1, paused: 0, dead: 0 });
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
});

type Killing = {
  /** What the process is to send. */
  errand: (stage: CallbackStage) => Omit<Errand, 'baseUrls'>;
  far: (stage: CallbackStage) => FarServer;
  /** Of the requests of the process, which is killed when the last of these has been read. */
  fates: readonly Fate[];
};

/** A stage whose queue was that of a process which was killed; everything has arrived since. */
async function killed({ errand, far, fates }: Killing): Promise<CallbackStage> {
  // Of now: the process that is killed has no other.
  const stage = await CallbackStage.open({}, new ManualClock(Date.now()));
  await stage.stop();
  const server = far(stage);
  server.next(...fates);
  const whole: Errand = { ...errand(stage), baseUrls: baseUrlsOf(stage.fakes) };
  const child = spawn(process.execPath, [PROCESS, stage.folder, JSON.stringify(whole)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  await server.received(fates.length);
  child.kill('SIGKILL');
  await exit;
  server.release();
  await stage.start({ hooks: whole.hooks });
  // The database remembers how long it has been in use as of its last checkpoint only; due times lie behind that.
  stage.clock.advance(MINUTE);
  await stage.passed();
  return stage;
}

describe.each(CALLBACK_KINDS)('a process that is killed while it sends to %s', (kind) => {
  it.each([
    ['had taken the message', 'late answer'],
    ['had not taken the message', 'silence'],
  ] as const)('and the far server %s, which arrives after the next start', async (_name, fate) => {
    const far = ({ fakes }: CallbackStage) => farServer(kind, fakes);
    const errand = (stage: CallbackStage) => {
      const { callback } = far(stage);
      return { hooks: 'off' as const, text: 'the answer', callback };
    };
    const { knowsIds, seen, requests } = far(await killed({ errand, far, fates: [fate] }));
    const twice = fate === 'late answer' && !knowsIds;
    expect(seen()).toEqual(twice ? ['the answer', 'the answer'] : ['the answer']);
    expect(requests()).toBe(2);
  });
});

describe.each([
  ['discord', [0, 0, 0]],
  ['telegram', [1, 0, 1]],
  ['slack', [1, 0, 1]],
] as const)('a process that is killed between two chunks for %s', (kind, doubles) => {
  /** More than twice what each of them takes. */
  const text = Array.from({ length: 900 }, (_, n) => `line ${n} of many`).join('\n');

  it.each([
    ['when the second was taken and its answer was on the way', 'late answer', doubles[0]],
    ['before the second was taken', 'silence', doubles[1]],
    ['at some time after the second', 'taken', doubles[2]],
  ] as const)('%s, goes on with what is not known to have arrived', async (_name, fate, most) => {
    const far = ({ fakes }: CallbackStage) => farServer(kind, fakes);
    const errand = (stage: CallbackStage) => ({ hooks: 'off' as const, text, callback: far(stage).callback });
    const { seen, tried } = far(await killed({ errand, far, fates: ['taken', fate] }));
    const each = seen().filter((piece, at, all) => piece !== all[at - 1]);
    expect(each.join('')).toBe(text);
    const doubled = seen().length - each.length;
    expect(doubled).toBeLessThanOrEqual(most);
    if (fate === 'late answer') expect(doubled).toBe(most);
    expect(tried().filter((piece) => piece === each[0])).toHaveLength(1);
  });
});

it.each(['late answer', 'silence'] as const)(
  'a process that is killed while the gateway has its message asks the gateway again, never the bot: %s',
  async (fate) => {
    const callback = { kind: 'discord' as const, target: '1' };
    const errand = () => ({ hooks: 'agent' as const, callback, text: 'x' });
    const stage = await killed({ errand, far: ({ fakes }) => farServer('hook', fakes), fates: [fate] });
    expect(stage.gateway.hooks.conversation('discord:channel:1')).toEqual(['x']);
    expect(new Set(stage.gateway.requests.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(stage.discord.requests).toEqual([]);
  },
);
