/** Histories in which queue and model once differed, each by a fault of the queue. */
import type { History, Op, Runner, Scheduled, Submission, Who } from './history.ts';
import { CRONS } from './model/rhythm.ts';

const A: Runner = { runner: 'A', start: 'current' };
const B: Runner = { runner: 'B', start: 'current' };

const submit = (change: Partial<Submission> = {}): Op => ({
  op: 'submit',
  task: { type: 'command', ...change },
});
const poll = (who: Who, brief = true): Op => ({
  op: 'poll',
  who,
  max: 1,
  queues: ['default'],
  types: ['command', 'file-read'],
  brief,
  delivered: true,
});

const [OFTEN = '', SELDOM = ''] = CRONS;
const create = (change: Partial<Scheduled> = {}): Op => ({
  op: 'create schedule',
  schedule: {
    ...{ name: 'a', cron: OFTEN, timeZone: 'UTC', overlap: 'skip', missed: 'skip', paused: false },
    task: { type: 'command' },
    ...change,
  },
});

export const KNOWN: Readonly<Record<string, History>> = {
  'a lost task is named again, and an earlier one of its key was started anew meanwhile': [
    [submit({ session: 'red' })],
    [submit({ session: 'red' })],
    [{ op: 'cancel', task: 1 }],
    [poll(A)],
    [{ op: 'pass', ms: 66_000 }],
    [{ op: 'reclaim' }],
    [{ op: 'retry', task: 0 }],
    [{ op: 'heartbeat', who: A, names: 'all', spooled: false }],
  ],
  'two runners release the same task, one after the other': [
    [submit()],
    [poll(A)],
    [{ op: 'release', claim: 0 }],
    [poll(B)],
    [{ op: 'release', claim: 0 }],
    [poll(A)],
  ],
  'a task falls due behind another one of its key, and a crash forgets for how long the queue was in use': [
    [submit({ session: 'red' })],
    [submit({ session: 'red', delayMs: 40_500 })],
    [{ op: 'pass', ms: 46_000 }],
    [{ op: 'crash', down: 0, looking: false }],
    [poll(A)],
    [{ op: 'finish', claim: 0, exitCode: 0, lease: 'own' }],
  ],
  'tasks of several lanes fall due at once, and several polls wait': [
    [submit({ delayMs: 40_500 })],
    [submit({ type: 'file-read', delayMs: 2_500 })],
    [poll(A, false)],
    [poll('an older runner', false)],
    [{ op: 'pass', ms: 46_000 }],
  ],
  'two schedules are due at once, after one of them was paused for a while': [
    [create()],
    [create({ name: 'b' })],
    [{ op: 'edit schedule', of: 1, change: { paused: true } }],
    [{ op: 'edit schedule', of: 1, change: { paused: false } }],
    [{ op: 'pass', ms: 46_000 }],
  ],
  'an occurrence is refused in the commit in which its schedule is edited, and its task could be taken a second later':
    [
      [submit({ session: 'red', queue: 'gpu' })],
      [create({ task: { type: 'command', session: 'red' } })],
      [{ op: 'reach an occurrence' }],
      [{ op: 'look' }, { op: 'edit schedule', of: 0, change: { cron: SELDOM } }],
      [{ op: 'pass', ms: 66_000 }],
    ],
};
