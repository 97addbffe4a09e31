/** What a gateway may have taken is never sent a second time by another way. */
import { describe, expect, it } from 'vitest';
import type { CallbackStage } from '../../support/callback-stage.ts';
import type { Fate } from '../../support/fake-chat.ts';
import { byBot, byHook, keys, nowhere, open, REST_MS } from '../../support/hook-stage.ts';

const DAY = 24 * 3_600_000;

/** Lets the attempt at the hook fail as it is to, without an answer that says anything. */
async function fail(stage: CallbackStage, fate: Fate, request = 1): Promise<void> {
  await stage.gateway.received(request);
  if (fate === 'late answer' || fate === 'silence') stage.clock.advance(120_000);
  await stage.did('defer');
  stage.gateway.release();
}

const AMBIGUOUS: [name: string, fate: Fate][] = [
  ['an answer that got lost', 'lost answer'],
  ['an answer that came too late', 'late answer'],
  ['a broken connection', 'reset'],
  ['a 502', { status: 502, body: 'Bad Gateway' }],
  ['a 503', { status: 503 }],
];

describe('a message that the hook may have taken', () => {
  it.each(AMBIGUOUS)(
    'is tried there again with the same key after %s, and never sent by the bot',
    async (_, fate) => {
      const stage = await open();
      stage.gateway.next(fate);
      await stage.owe('x');
      await fail(stage, fate);
      stage.clock.advance(5_000);
      await stage.did('sent');
      expect(byHook(stage)).toEqual(['x']);
      expect(stage.discord.requests).toEqual([]);
      expect(new Set(keys(stage)).size).toBe(1);
      expect(keys(stage)).toHaveLength(2);
    },
  );

  it.each(AMBIGUOUS)('is tried there again after %s and a restart', async (_name, fate) => {
    const stage = await open();
    stage.gateway.next(fate);
    await stage.owe('x');
    await fail(stage, fate);
    await stage.stop();
    await stage.start();
    stage.clock.advance(5_000);
    await stage.did('sent');
    expect(byHook(stage)).toEqual(['x']);
    expect(stage.discord.requests).toEqual([]);
    expect(new Set(keys(stage)).size).toBe(1);
  });

  it('waits for a gateway that nobody finds any more', async () => {
    const stage = await open();
    stage.gateway.next('lost answer');
    await stage.owe('x');
    await stage.did('defer');
    await stage.stop();
    await stage.start({ baseUrls: { hook: await nowhere() } });
    stage.clock.advance(5_000);
    await stage.did('defer', 2);
    await stage.stop();
    await stage.start({ baseUrls: {} });
    stage.clock.advance(10_000);
    await stage.did('sent');
    expect([byHook(stage), byBot(stage)]).toEqual([['x'], []]);
  });

  it.each([
    ['taken', 'late answer' as const],
    ['not taken', 'silence' as const],
  ])('and was when a stop cut it off waits for the gateway, too: %s', async (_name, fate) => {
    const stage = await open();
    stage.gateway.next(fate);
    await stage.owe('x');
    await stage.gateway.received(1);
    const stopped = stage.stop();
    stage.clock.advance(5_000);
    await stopped;
    await stage.start({ baseUrls: { hook: await nowhere() } });
    await stage.did('defer', 2);
    await stage.stop();
    await stage.start({ baseUrls: {} });
    stage.clock.advance(10_000);
    await stage.did('sent');
    expect([byHook(stage), byBot(stage)]).toEqual([['x'], []]);
    expect(new Set(keys(stage)).size).toBe(1);
  });

  it('waits for a hook that refuses us by now, on its own account or another’s', async () => {
    const stage = await open();
    stage.gateway.next('lost answer', { status: 401 });
    await stage.owe('x', 'a');
    await stage.did('defer');
    await stage.owe('y', 'b');
    await stage.did('sent');
    stage.clock.advance(5_000);
    await stage.did('hold');
    expect([byBot(stage, 'a'), byBot(stage, 'b')]).toEqual([[], ['y']]);
    stage.gateway.next({ status: 401 });
    stage.clock.advance(REST_MS);
    await stage.did('hold', 2);
    stage.clock.advance(REST_MS);
    await stage.did('sent', 2);
    expect([byHook(stage, 'a'), byBot(stage, 'a')]).toEqual([['x'], []]);
  });

  it('goes by the bot once the hook says of it that nothing was delivered', async () => {
    const stage = await open();
    stage.gateway.hooks.completion = { status: 'error', delivered: false };
    stage.gateway.next('lost answer');
    await stage.owe('x');
    await stage.did('defer');
    stage.clock.advance(5_000);
    await stage.did('sent');
    expect([byHook(stage), byBot(stage)]).toEqual([[], ['x']]);
  });

  it('is dead after twelve attempts, or a day', async () => {
    const stage = await open();
    stage.gateway.next(...Array.from({ length: 12 }, () => ({ status: 503 })));
    await stage.owe('lost');
    for (let attempt = 1; attempt < 12; attempt++) {
      await stage.did('defer', attempt);
      stage.clock.advance(3_600_000);
    }
    await stage.did('bury');
    stage.gateway.next({ status: 503 }, { status: 503 });
    await stage.owe('lost, too', 'b');
    await stage.did('defer', 12);
    stage.clock.advance(DAY);
    await stage.did('bury', 2);
    expect(stage.discord.requests).toEqual([]);
  });
});
