/**
 * A process that owes a callback and sends it, to be killed on the way: `node callback-process.ts <folder> <base URL>
 * <text>`. The text goes to channel 1.
 */
import { join } from 'node:path';
import { Dispatcher } from '../../src/callbacks/dispatcher.ts';
import { createDiscordSink } from '../../src/callbacks/sinks/discord.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { openQueue, TASK_TYPES } from '../../src/queue/index.ts';
import { silentLog } from './log-lines.ts';
import { aCallback, aPrompt, aReport } from './queue.ts';
import { SETTINGS } from './settings.ts';

const [, , folder = '', baseUrl = '', text = ''] = process.argv;

const queue = await openQueue({
  taskDb: join(folder, 'tasks.db'),
  eventDb: join(folder, 'events.db'),
  clock,
  log: silentLog(),
  ...SETTINGS,
  composeCallback: (_task, result) => result.stdout,
});
await queue.submit(aPrompt('session', { callback: aCallback({ target: '1' }) }));
const poller = { runnerId: 'runner', instanceId: 'runner-1', queues: ['default'], types: TASK_TYPES, max: 1 };
const [claim] = await queue.claim(poller, new AbortController().signal);
if (claim === undefined) throw new Error('the prompt is not claimable');
await queue.finish(aReport(claim, { stdout: text }));

const sinks = new Map([['discord', createDiscordSink({ baseUrl, clock, token: 'bot-token' })]]);
const secrets = { open: (sealed: string) => sealed };
new Dispatcher({ outbox: queue.outbox, sinks, secrets, clock, log: silentLog() }).start();
