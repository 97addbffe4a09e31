import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors.ts';
import { openSecretBox } from '../../../src/secrets.ts';
import { CallbackStage, TOKEN } from '../../support/callback-stage.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const busy = { status: 503, body: 'busy' };

describe('an owed callback', () => {
  it('is sent as soon as its task has ended, and is gone from the outbox', async () => {
    const stage = await CallbackStage.open();
    const taskId = await stage.owe('the answer');
    await stage.did('sent');
    expect(stage.discord.channel('1')).toEqual(['the answer']);
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, dead: 0 });
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
    const stage = await CallbackStage.open({ concurrency: 2 });
    stage.discord.next('silence', 'silence');
    for (const target of ['a', 'b', 'c']) await stage.owe(target, target);
    await stage.discord.received(2);
    expect(stage.operations.filter(([name, limit]) => name === 'take' && Number(limit) > 2)).toEqual([]);
    expect(stage.discord.channel('c')).toEqual([]);
    stage.discord.release();
    await stage.did('sent', 3);
    expect(stage.discord.channel('c')).toEqual(['c']);
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

  it('waits as long as the destination asks for', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 429, body: { message: 'limited', retry_after: 64.5, global: false } });
    await stage.owe('the answer');
    await stage.did('defer');
    expect(stage.deferred[0]?.[1]).toBe(64_500);
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
    expect(stage.queue.outbox.counts()).toEqual({ pending: 0, dead: 1 });
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

  it('is dead when there is no sink of its kind', async () => {
    const stage = await CallbackStage.open();
    await stage.owe('lost', '1', { kind: 'constructor' });
    await stage.did('bury');
    expect(stage.buried).toEqual(['callbacks of kind constructor are not supported']);
  });
});

describe('a credential that is refused', () => {
  it('rests, then one message probes it while the others wait; nothing of this counts', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 401 });
    await stage.owe('a', 'a');
    await stage.did('defer');
    await stage.owe('b', 'b');
    await stage.owe('c', 'c', { token: stage.secrets.seal('another-token') });
    await stage.did('sent');
    await stage.did('defer', 2);
    expect(stage.discord.requests.map(({ authorization }) => authorization)).toEqual([
      `Bot ${TOKEN}`,
      'Bot another-token',
    ]);
    expect(stage.deferred.map(([, ...rest]) => rest)).toEqual([
      [15 * MINUTE, false],
      [15 * MINUTE, false],
    ]);

    stage.discord.next('late answer');
    stage.clock.advance(15 * MINUTE);
    await Promise.all([stage.did('defer', 3), stage.discord.received(3)]);
    expect(stage.discord.requests).toHaveLength(3);
    stage.discord.release();
    await stage.did('sent', 2);
    stage.clock.advance(MINUTE);
    await stage.did('sent', 3);
    expect([stage.discord.channel('a'), stage.discord.channel('b')]).toEqual([['a'], ['b']]);
  });

  it('is probed every fifteen minutes for a day, then its message is dead', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next(...Array.from({ length: 97 }, () => ({ status: 401 })));
    await stage.owe('lost');
    for (let probe = 1; probe <= 96; probe++) {
      await stage.did('defer', probe);
      stage.clock.advance(15 * MINUTE);
    }
    await stage.did('bury');
    expect(stage.discord.requests).toHaveLength(97);
  });

  it('at one destination only holds back no other destination', async () => {
    const stage = await CallbackStage.open();
    stage.discord.next({ status: 403 });
    await stage.owe('a', 'a');
    await stage.did('defer');
    await stage.owe('b', 'b');
    await stage.did('sent');
    expect(stage.discord.channel('b')).toEqual(['b']);
    expect(stage.deferred[0]?.slice(1)).toEqual([15 * MINUTE, false]);
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

it('keeps tokens out of the log and the events', async () => {
  const stage = await CallbackStage.open();
  const token = stage.secrets.seal('its-own-token');
  stage.discord.next({ status: 401, body: TOKEN }, { status: 400, body: 'its-own-token' });
  await stage.owe('a', 'a');
  await stage.did('defer');
  await stage.owe('b', 'b', { token });
  await stage.did('bury');
  const told = stage.logged + JSON.stringify(stage.queue.events.list({ limit: 100 }));
  expect(told).toContain('callback given up');
  expect(told).not.toContain(TOKEN);
  expect(told).not.toContain('its-own-token');
});
