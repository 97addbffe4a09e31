import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { openSecretBox } from '../../../src/secrets.ts';
import { CallbackStage } from '../../support/callback-stage.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const HOUR = 3_600_000;
const busy = { status: 503, body: 'busy' };

describe('an owed callback', () => {
  it('is sent as soon as its task has ended, and is gone from the outbox', async () => {
    const stage = await CallbackStage.open();
    const taskId = await stage.owe('the answer');
    await stage.did('sent');
    expect(stage.discord.channel('1')).toEqual(['the answer']);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 0 });
    expect(stage.story(taskId)).toEqual(['callback.dispatched', 'callback.sent']);
  });

  it('is sent with its own token, unsealed', async () => {
    const stage = await CallbackStage.open();
    await stage.owe('the answer', '1', { token: stage.secrets.seal('its-own-token') });
    await stage.did('sent');
    expect(stage.discord.requests[0]?.authorization).toBe('Bot its-own-token');
  });

  it('that was owed before the start is sent at the start', async () => {
    const stage = await CallbackStage.open();
    await stage.dispatcher.stop();
    await stage.owe('waiting');
    await stage.stop();
    await stage.start();
    await stage.did('sent');
    expect(stage.discord.channel('1')).toEqual(['waiting']);
  });
});

describe('streams', () => {
  it('have one message in flight each, in order, and go side by side', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next('late answer');
    await stage.owe('a1', 'a');
    await stage.discord.received(1);
    await stage.owe('a2', 'a');
    await stage.owe('b1', 'b');
    await stage.owe('b2', 'b');
    await stage.did('sent', 2);
    expect(stage.discord.channel('b')).toEqual(['b1', 'b2']);
    expect(stage.discord.channel('a')).toEqual(['a1']);
    stage.discord.release();
    await stage.did('sent', 4);
    expect(stage.discord.channel('a')).toEqual(['a1', 'a2']);
  });

  it('wait for a free hand when there are more of them than hands', async () => {
    const stage = await CallbackStage.open({ room: { total: 2, perLane: 2 } });
    stage.discord.next('silence', 'silence');
    for (const target of ['a', 'b', 'c']) await stage.owe(target, target);
    await stage.discord.received(2);
    const elsewhere = await stage.owe('elsewhere', 'C1', { kind: 'slack' });
    await stage.settle();
    expect(stage.discord.channel('c')).toEqual([]);
    expect(stage.story(elsewhere)).toEqual([]);
    stage.discord.release();
    await stage.did('sent', 4);
    expect(stage.discord.channel('c')).toEqual(['c']);
    expect(stage.fakes.slack.channel('C1')).toEqual(['elsewhere']);
  });

  it('of a far server that is slow wait for it, and the others do not; nobody asks for them meanwhile', async () => {
    const stage = await CallbackStage.open({ room: { total: 20, perLane: 2 } });
    stage.discord.next('silence', 'silence');
    for (const target of ['a', 'b', 'c', 'd']) await stage.owe(target, target);
    await stage.discord.received(2);
    await stage.owe('elsewhere', 'C1', { kind: 'slack' });
    await stage.did('sent');
    expect(stage.fakes.slack.channel('C1')).toEqual(['elsewhere']);
    await stage.settle();
    const looks = stage.operations.length;
    for (let round = 0; round < 5; round++) await stage.settle();
    expect(stage.operations).toHaveLength(looks);
    expect(stage.discord.requests).toHaveLength(2);
    stage.discord.release();
    await stage.passed();
    expect(['c', 'd'].map((target) => stage.discord.channel(target))).toEqual([['c'], ['d']]);
  });
});

describe('a failed attempt', () => {
  it('is repeated after waits that double, until it arrives', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(busy, 'reset', busy);
    await stage.owe('the answer');
    for (const [attempt, delayMs] of [2_500, 5_000, 10_000].entries()) {
      await stage.did('defer', attempt + 1);
      stage.clock.advance(delayMs - 1);
      expect(stage.discord.requests).toHaveLength(attempt + 1);
      stage.clock.advance(1);
    }
    await stage.did('sent');
    expect(stage.deferred.map(([, delayMs]) => delayMs)).toEqual([2_500, 5_000, 10_000]);
    expect(stage.discord.channel('1')).toEqual(['the answer']);
  });

  it('waits as long as the destination asks for, and does not count', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(
      { status: 429, body: { message: 'limited', retry_after: 64.5, global: false } },
      { status: 429, headers: { 'Retry-After': '7' } },
      { status: 429 },
    );
    await stage.owe('the answer');
    for (const [limited, [delayMs]] of [[64_500], [7_000], [2_500]].entries()) {
      await stage.did('defer', limited + 1);
      stage.clock.advance(delayMs ?? 0);
    }
    await stage.did('sent');
    expect(stage.deferred.map(([, ...rest]) => rest)).toEqual([
      [64_500, false],
      [7_000, false],
      [2_500, false],
    ]);
    expect(stage.events().at(-1)).toMatchObject({ type: 'callback.sent', details: { attempt: 1 } });
  });

  it('that was asked for patience a hundred times is not given up for it, but for its age', async () => {
    const stage = await CallbackStage.open();
    const patience = { status: 429, headers: { 'Retry-After': '864' } };
    stage.discord.next(...Array.from({ length: 101 }, () => patience));
    await stage.owe('lost');
    for (let attempt = 1; attempt <= 100; attempt++) {
      await stage.did('defer', attempt);
      stage.clock.advance(864_000);
    }
    await stage.did('bury');
    expect(stage.discord.requests).toHaveLength(101);
  });

  it('whose answer got lost makes no second message', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next('lost answer');
    await stage.owe('the answer');
    await stage.did('defer');
    stage.clock.advance(2_500);
    await stage.did('sent');
    expect(stage.discord.requests).toHaveLength(2);
    expect(stage.discord.channel('1')).toEqual(['the answer']);
  });

  it('is repeated even if the timer fires a little early', async () => {
    class HastyClock extends ManualClock {
      override after(ms: number, fn: () => void) {
        return super.after(ms > 1 ? ms - 1 : ms, fn);
      }
    }
    const stage = await CallbackStage.open({}, new HastyClock());
    stage.discord.next(busy);
    await stage.owe('the answer');
    await stage.did('defer');
    stage.clock.advance(2_499);
    // Behind the write that a look at the outbox would be.
    await stage.queue.upkeep.pruneReady();
    await stage.queue.upkeep.pruneReady();
    stage.clock.advance(1);
    await stage.did('sent');
  });

  it('is the last one after twelve, and the next of the stream goes', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(...Array.from({ length: 12 }, () => busy));
    const taskId = await stage.owe('lost');
    await stage.owe('next');
    for (let attempt = 1; attempt < 12; attempt++) {
      await stage.did('defer', attempt);
      stage.clock.advance(HOUR);
    }
    await stage.did('sent');
    expect(stage.discord.channel('1')).toEqual(['next']);
    expect(stage.discord.requests).toHaveLength(13);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, paused: 0, dead: 1 });
    expect(stage.story(taskId).slice(-2)).toEqual(['callback.failed', 'callback.dead']);
  });

  it('is the last one after a day, however few there were', async () => {
    const stage = await CallbackStage.open();
    const later = { status: 503, headers: { 'Retry-After': '999999' } };
    stage.discord.next(later, later);
    await stage.owe('lost');
    await stage.did('defer');
    stage.clock.advance(24 * HOUR);
    await stage.did('bury');
    expect(stage.discord.requests).toHaveLength(2);
  });
});

describe('a refused callback', () => {
  it('is dead at once when nothing can help it', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 404, body: 'Unknown Channel' });
    await stage.owe('lost');
    await stage.did('bury');
    expect(stage.buried).toEqual(['HTTP 404 Unknown Channel']);
  });

  it('is dead when its token was sealed with another key', async () => {
    const stage = await CallbackStage.open();
    const token = openSecretBox({ keyFile: '', key: 'another key' }).seal('secret');
    await stage.owe('lost', '1', { token });
    await stage.did('bury');
    expect(stage.buried).toEqual([expect.stringMatching(/^key_unavailable: /)]);
    expect(stage.discord.requests).toEqual([]);
  });
});

describe('a database that cannot store', () => {
  const unavailable = new AppError('storage_unavailable', 'the disk is full');

  it('makes no second message of one that has arrived', async () => {
    const stage = await CallbackStage.open();
    stage.faults.push({ name: 'sent', error: unavailable }, { name: 'sent', error: unavailable });
    await stage.owe('the answer');
    for (const failures of [1, 2]) {
      await stage.until(() => stage.faults.length === 2 - failures && stage.clock.pending > 0);
      stage.clock.advance(5_000);
    }
    await stage.did('sent');
    expect(stage.discord.requests).toHaveLength(1);
  });

  it('is asked again for what is due', async () => {
    const stage = await CallbackStage.open();
    stage.faults.push({ name: 'take', error: unavailable });
    await stage.owe('the answer');
    await stage.until(() => stage.faults.length === 0);
    stage.clock.advance(5_000);
    await stage.did('sent');
    expect(stage.discord.channel('1')).toEqual(['the answer']);
  });

  it('that fails otherwise leaves the message owed, and the others go on', async () => {
    const stage = await CallbackStage.open();
    stage.faults.push({ name: 'sent', error: new Error('a bug') });
    await stage.owe('a', 'a');
    await stage.until(() => stage.logged.includes('callback not settled'));
    await stage.owe('b', 'b');
    await stage.did('sent');
    expect(stage.queue.outbox.counts().pending).toBe(1);
  });
});

describe('a stop', () => {
  it('waits for the answer to what is in flight', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next('late answer');
    await stage.owe('the answer');
    await stage.owe('next');
    await stage.discord.received(1);
    const stop = stage.dispatcher.stop();
    stage.discord.release();
    await stop;
    expect(stage.operations.at(-1)?.[0]).toBe('sent');
    expect(stage.queue.outbox.counts().pending).toBe(1);
    expect(stage.clock.pending).toBe(0);
  });

  it('cuts off after five seconds what has no answer, which is owed as before', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next('silence');
    await stage.owe('the answer');
    await stage.discord.received(1);
    const stop = stage.dispatcher.stop();
    stage.clock.advance(5_000);
    await stop;
    expect(stage.deferred).toEqual([['interrupted by a stop', 0, false]]);
    await stage.stop();
    await stage.start();
    await stage.did('sent');
    expect(stage.discord.channel('1')).toEqual(['the answer']);
  });
});
