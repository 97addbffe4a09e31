/** Every kind of destination, every misfortune: what a reader sees in the end. */
import { describe, expect, it } from 'vitest';
import { CALLBACK_KINDS, type CallbackKind } from '../../../src/destination.ts';
import { CallbackStage } from '../../support/callback-stage.ts';
import type { Fate } from '../../support/fake-chat.ts';
import { type FarServer, farServer } from '../../support/far-servers.ts';

const CHATS = ['discord', 'telegram', 'slack'] as const;
const RETRY_AFTER_MS = 7_000;
/** Longer than the first back-off. */
const LATER_MS = 10_000;

async function open(kind: CallbackKind): Promise<{ stage: CallbackStage; far: FarServer }> {
  const stage = await CallbackStage.open();
  return { stage, far: farServer(kind, stage.fakes) };
}

/** Attempts that came to nothing: put off, or waiting for what is paused. */
function troubles(stage: CallbackStage): number {
  return stage.operations.filter(([name]) => name === 'defer' || name === 'hold').length;
}

/** Lets the request of this number fail as it is to, and time pass until it is tried again. */
async function endure(stage: CallbackStage, far: FarServer, fate: Fate, requests: number): Promise<void> {
  await far.received(requests);
  if (fate === 'silence' || fate === 'late answer') stage.clock.advance(far.timeoutMs);
  await stage.until(() => troubles(stage) === 1);
  // What comes too late says nothing to anybody.
  far.release();
  stage.clock.advance(LATER_MS);
}

const limited = { status: 429, headers: { 'Retry-After': String(RETRY_AFTER_MS / 1000) } };
const PASSING: [name: string, fate: Fate][] = [
  ['a 429 with the time in its header', limited],
  ['a 500', { status: 500 }],
  ['a 502 of a proxy', { status: 502, body: '<html>Bad Gateway</html>' }],
  ['a 503', { status: 503 }],
  ['no answer in time', 'silence'],
  ['a connection that breaks', 'reset'],
];
const AMBIGUOUS: [name: string, fate: Fate][] = [
  ['an answer that got lost', 'lost answer'],
  ['an answer that came too late', 'late answer'],
];

describe.each(CALLBACK_KINDS)('a message to %s', (kind) => {
  it.each(PASSING)('is there once after %s', async (_name, fate) => {
    const { stage, far } = await open(kind);
    far.next(fate);
    await stage.owe('first', far.callback.target, far.callback);
    await stage.owe('second', far.callback.target, far.callback);
    await endure(stage, far, fate, 1);
    await stage.did('sent', 2);
    expect(far.seen()).toEqual(['first', 'second']);
    expect(far.requests()).toBe(3);
  });

  it.each(AMBIGUOUS)('is there, and once where the far server knows ids, after %s', async (_name, fate) => {
    const { stage, far } = await open(kind);
    far.next(fate);
    await stage.owe('first', far.callback.target, far.callback);
    await stage.owe('second', far.callback.target, far.callback);
    await endure(stage, far, fate, 1);
    await stage.did('sent', 2);
    expect(far.seen()).toEqual([...(far.knowsIds ? ['first'] : ['first', 'first']), 'second']);
  });

  it('waits as long as it was asked to, which is no attempt', async () => {
    const { stage, far } = await open(kind);
    far.next(limited);
    await stage.owe('first', far.callback.target, far.callback);
    await stage.until(() => troubles(stage) === 1);
    stage.clock.advance(RETRY_AFTER_MS - 1);
    await stage.settle();
    expect(far.requests()).toBe(1);
    stage.clock.advance(1);
    await stage.did('sent');
    expect(stage.events().at(-1)?.details).toMatchObject({ attempt: 1 });
  });

  it('counts every other failed attempt, and is dead after twelve', async () => {
    const { stage, far } = await open(kind);
    far.next(...Array.from({ length: 12 }, () => ({ status: 503 })));
    await stage.owe('lost', far.callback.target, far.callback);
    await stage.owe('next', far.callback.target, far.callback);
    for (let attempt = 1; attempt < 12; attempt++) {
      await stage.did('defer', attempt);
      stage.clock.advance(3_600_000);
    }
    await stage.did('sent');
    expect(far.seen()).toEqual(['next']);
    expect(far.requests()).toBe(13);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 1 });
  });

  it.each([
    ['posted', 'late answer' as const],
    ['not posted', 'silence' as const],
  ])('that a stop has cut off when it was %s is there after the next start', async (_name, fate) => {
    const { stage, far } = await open(kind);
    far.next(fate);
    await stage.owe('first', far.callback.target, far.callback);
    await stage.owe('second', far.callback.target, far.callback);
    await far.received(1);
    const stopped = stage.stop();
    stage.clock.advance(5_000);
    await stopped;
    await stage.start();
    await stage.did('sent', 2);
    const once = far.knowsIds || fate === 'silence';
    expect(far.seen()).toEqual([...(once ? ['first'] : ['first', 'first']), 'second']);
  });
});

it.each([
  ['discord', { retry_after: 7, global: false }],
  ['telegram', { ok: false, error_code: 429, parameters: { retry_after: 7 } }],
] as const)('a 429 of %s with the time in its body is waited for', async (kind, body) => {
  const { stage, far } = await open(kind);
  far.next({ status: 429, body });
  await stage.owe('first', far.callback.target, far.callback);
  await stage.did('defer');
  expect(stage.deferred[0]?.slice(1)).toEqual([RETRY_AFTER_MS, false]);
});

/** A long block of code: numbered lines between two sentences. */
const LINES = Array.from({ length: 700 }, (_, n) => `line(${n});`);
const CODE = ['Here it is:', '```ts', ...LINES, '```', 'That is all.'].join('\n');
const sentences = (text: string) => text.split('\n').filter((line) => !/^(```.*|)$/.test(line));

describe.each(CHATS)('a block of code in several messages to %s', (kind) => {
  /** The pieces as they are when nothing goes wrong. */
  async function pieces(): Promise<string[]> {
    const { stage, far } = await open(kind);
    await stage.owe(CODE, far.callback.target, far.callback);
    await stage.did('sent');
    return far.seen();
  }

  it('is whole and in order, and each message is a whole block', async () => {
    const seen = await pieces();
    expect(seen.length).toBeGreaterThanOrEqual(2);
    expect(seen.flatMap(sentences)).toEqual(sentences(CODE));
    for (const piece of seen) expect(piece.match(/^```/gm)?.length).toBe(2);
  });

  it.each([...PASSING, ...AMBIGUOUS])('goes on where it was after %s', async (_name, fate) => {
    const whole = await pieces();
    const { stage, far } = await open(kind);
    far.next('taken', fate);
    await stage.owe(CODE, far.callback.target, far.callback);
    await stage.owe('next', far.callback.target, far.callback);
    await endure(stage, far, fate, 2);
    await stage.did('sent', 2);
    const [first = '', second = '', ...others] = whole;
    const doubled = !far.knowsIds && (fate === 'lost answer' || fate === 'late answer');
    expect(far.seen()).toEqual([first, ...(doubled ? [second] : []), second, ...others, 'next']);
    expect(far.tried()).toHaveLength(whole.length + 2);
  });

  it.each([
    ['posted', 'late answer' as const],
    ['not posted', 'silence' as const],
  ])('goes on where it was after a stop in the middle of one that was %s', async (_name, fate) => {
    const whole = await pieces();
    const { stage, far } = await open(kind);
    far.next('taken', fate);
    await stage.owe(CODE, far.callback.target, far.callback);
    await far.received(2);
    const stopped = stage.stop();
    stage.clock.advance(5_000);
    await stopped;
    await stage.start();
    await stage.did('sent');
    const [first = '', second = '', ...others] = whole;
    const doubled = !far.knowsIds && fate === 'late answer';
    expect(far.seen()).toEqual([first, ...(doubled ? [second] : []), second, ...others]);
  });

  it('that dies in the middle and is replayed goes on where it was, behind what came meanwhile', async () => {
    const whole = await pieces();
    const { stage, far } = await open(kind);
    // Of Telegram a path that it doesn't have is a token that it doesn't know.
    far.next('taken', { status: 400, body: { ok: false, error_code: 400 } });
    await stage.owe(CODE, far.callback.target, far.callback);
    await stage.did('bury');
    await stage.owe('next', far.callback.target, far.callback);
    await stage.did('sent');
    const [dead] = stage.queue.outbox.list({ limit: 10 }).callbacks;
    expect(dead).toMatchObject({ status: 'dead', chunksSent: 1, chunks: whole.length });
    await stage.queue.outbox.replay(dead?.id ?? '');
    await stage.did('sent', 2);
    expect(far.seen()).toEqual([whole[0], 'next', ...whole.slice(1)]);
  });
});
