/** Many destinations of which some are slow or dead, and more messages than memory should hold. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it, onTestFinished } from 'vitest';
import type { CallbackKind } from '../../src/destination.ts';
import { type NewMessage, openQueue, TASK_TYPES } from '../../src/queue/index.ts';
import { TOKENS } from '../support/callback-sinks.ts';
import { CallbackStage } from '../support/callback-stage.ts';
import { FakeWebhook } from '../support/fake-webhook.ts';
import { silentLog } from '../support/log-lines.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { aCallback, aCommand, aReport } from '../support/queue.ts';
import { SETTINGS } from '../support/settings.ts';
import { tempFolder } from '../support/temp-folder.ts';

const HOUR = 3_600_000;

it('messages of 100 streams arrive while 200 others wait for a host that never answers', async () => {
  const stage = await CallbackStage.open();
  const { webhook, discord, telegram, slack } = stage.fakes;
  webhook.next(...Array.from({ length: 2_000 }, () => 'silence' as const));
  const chats: [CallbackKind, (n: number) => string][] = [
    ['discord', String],
    ['telegram', String],
    ['slack', (n) => `C${n}`],
  ];
  for (let n = 0; n < 200; n++) {
    await stage.owe(`dead ${n}`, `${webhook.url}/${n}`, { kind: 'webhook' });
    const [kind, target] = chats[n % 6] ?? [];
    if (kind === undefined || target === undefined) continue;
    await stage.owe(`${n}`, target(n), { kind });
  }
  // Not a moment has passed: nobody has waited for an answer that did not come.
  await stage.did('sent', 101);
  expect(discord.requests).toHaveLength(34);
  expect(telegram.requests).toHaveLength(34);
  expect(slack.requests).toHaveLength(33);
  expect(webhook.requests).toHaveLength(8);
  expect(stage.queue.outbox.counts()).toEqual({ pending: 200, paused: 0, dead: 0 });
});

it('a host is served beside so many that never answer that they could take all the room there is', async () => {
  const stage = await CallbackStage.open({ room: { total: 16, perLane: 2 } });
  const hosts = await Promise.all(Array.from({ length: 11 }, () => FakeWebhook.start(TOKENS.webhook)));
  onTestFinished(async () => void (await Promise.all(hosts.map((host) => host.stop()))));
  // The last one in any order of names.
  const [alive, ...dead] = hosts.toSorted((a, b) => (a.url < b.url ? 1 : -1));
  const owe = (host: FakeWebhook, n: number) => stage.owe(`${n}`, `${host.url}/${n}`, { kind: 'webhook' });
  for (const host of dead) {
    host.next(...Array.from({ length: 100 }, () => 'silence' as const));
    for (let n = 0; n < 6; n++) await owe(host, n);
  }
  await stage.until(() => dead.reduce((sum, { requests }) => sum + requests.length, 0) === 16);
  for (let n = 0; n < 3; n++) await owe(alive!, n);
  await stage.settle();
  stage.clock.advance(20_000);
  await stage.did('sent', 3);
  expect(alive?.taken).toHaveLength(3);
});

/** A queue that owes so many messages of 500 characters, each to a channel of its own. */
async function crowd(count: number) {
  const folder = tempFolder();
  const clock = new ManualClock();
  let next = 0;
  const text = 'x'.repeat(500);
  const one = (): NewMessage => {
    next += 1;
    return { kind: 'discord', target: `${next % 50_000}`, threadId: null, token: null, text, chunks: 1 };
  };
  const queue = await openQueue({
    ...SETTINGS,
    taskDb: `${folder}/tasks.db`,
    eventDb: `${folder}/events.db`,
    clock,
    log: silentLog(),
    composeCallback: () => Array.from({ length: 1_000 }, one),
  });
  const poller = { runnerId: 'A', instanceId: 'A-1', queues: ['default'], types: TASK_TYPES, max: 1 };
  while (next < count) {
    await queue.submit(aCommand({ callback: aCallback() }));
    const [claim] = await queue.claim(poller, new AbortController().signal);
    if (claim === undefined) throw new Error('nothing was claimed');
    await queue.finish(aReport(claim));
  }
  return { queue, clock };
}

it('100,000 callbacks that wait take no memory, and are looked through in no time', async () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const { queue, clock } = await crowd(1_000);
  const heap = () => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const before = heap();
  await queue.close();
  const many = await crowd(100_000);
  expect(many.queue.outbox.counts().pending).toBe(100_000);
  expect(heap() - before).toBeLessThan(20_000_000);

  const [first] = await many.queue.outbox.take({ total: 1, perLane: 1 });
  await many.queue.outbox.pause(
    first?.id ?? '',
    { kind: 'discord', token: null, target: null },
    'HTTP 401',
    HOUR,
  );
  await many.queue.outbox.hold(first?.id ?? '', { kind: 'discord', token: null, target: null }, 'HTTP 401');
  const room = { total: 8, perLane: 8 };
  for (let look = 0; many.queue.outbox.counts().paused < 50_000; look++) {
    expect(await many.queue.outbox.take(room)).toEqual([]);
    expect(look).toBeLessThan(150);
  }
  expect(heap() - before).toBeLessThan(20_000_000);
  expect(clock.pending).toBe(0);
  await many.queue.close();
});
