/**
 * A process that owes a callback and sends it, to be killed on the way: `node callback-process.ts <folder> <errand>`.
 * The errand is JSON, see `Errand`.
 */
import { join } from 'node:path';
import { createComposer } from '../../src/callbacks/compose.ts';
import { Dispatcher } from '../../src/callbacks/dispatcher.ts';
import { systemClock as clock } from '../../src/clock.ts';
import type { CallbackTarget } from '../../src/destination.ts';
import { openQueue, TASK_TYPES } from '../../src/queue/index.ts';
import { type BaseUrls, type HookForm, hookFirstOf, realSinks } from './callback-sinks.ts';
import { silentLog } from './log-lines.ts';
import { aCallback, aPrompt, aReport } from './queue.ts';
import { SETTINGS } from './settings.ts';

export interface Errand {
  baseUrls: BaseUrls;
  hooks: HookForm;
  callback: Pick<CallbackTarget, 'kind' | 'target'>;
  text: string;
}

const [, , folder = '', errand = '{}'] = process.argv;
const { baseUrls, hooks, callback, text }: Errand = JSON.parse(errand);

const sinks = realSinks(baseUrls, clock);
const queue = await openQueue({
  taskDb: join(folder, 'tasks.db'),
  eventDb: join(folder, 'events.db'),
  clock,
  log: silentLog(),
  ...SETTINGS,
  composeCallback: createComposer({ capacities: sinks, wakes: hooks === 'wake' }),
});
await queue.submit(aPrompt('session', { callback: aCallback(callback) }));
const poller = { runnerId: 'runner', instanceId: 'runner-1', queues: ['default'], types: TASK_TYPES, max: 1 };
const [claim] = await queue.claim(poller, new AbortController().signal);
if (claim === undefined) throw new Error('the prompt is not claimable');
await queue.finish(aReport(claim, { stdout: text }));

new Dispatcher({
  outbox: queue.outbox,
  sinks,
  hookFirst: hookFirstOf(hooks, sinks.hook),
  secrets: { open: (sealed: string) => sealed },
  clock,
  log: silentLog(),
}).start();
