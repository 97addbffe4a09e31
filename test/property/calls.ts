/** Each operation, called on the queue; and what it does in the model. */
import type { Claim, Poller, Receipts } from '../../src/queue/index.ts';
import { aReport } from '../support/queue.ts';
import { toOnce, toTask } from './as-task.ts';
import type { Batch, Heartbeat, Op, Poll, Submission } from './history.ts';
import { isFinal, type Task } from './model/task.ts';
import { answerOf, essenceOf, same } from './same.ts';
import type { Polled, Scene } from './scene.ts';
import { callSchedules } from './schedule-calls.ts';
import { crash, pass, reachOccurrence, restart, setClock } from './time.ts';

/** An operation that was called. */
export interface Step {
  /** What it comes to. */
  real: Promise<unknown>;
  /** Does it in the model, when its turn comes; what it should come to. */
  model: () => unknown;
}

const DONE = Promise.resolve();

/** The tasks that an operation is meant for; it is tried on others too. */
const FITTING = {
  cancel: (task: Task) => !isFinal(task),
  unstick: ({ status }: Task) => status === 'pending',
  retry: ({ status, printed }: Task) =>
    (status === 'failed' || status === 'cancelled') && printed.read === null,
  read: (task: Task) => isFinal(task) && task.printed.read === null,
};

export function call(scene: Scene, op: Op): Step {
  switch (op.op) {
    case 'submit':
      return submit(scene, op.task);
    case 'batch':
      return batch(scene, op);
    case 'poll':
      return poll(scene, op);
    case 'heartbeat':
      return heartbeat(scene, op);
    case 'finish':
    case 'guess':
      return finish(scene, op);
    case 'release':
    case 'delivered':
    case 'give back':
      return ofLease(scene, op.op, scene.claim(op.claim)?.lease ?? 'no lease');
    case 'cancel':
    case 'retry':
      return ofTask(scene, op.op, scene.task(op.task, FITTING[op.op]));
    case 'unstick':
      return unstick(scene, scene.task(op.task, FITTING.unstick));
    case 'read':
      return read(scene, scene.task(op.task, FITTING.read));
    case 'hang up': {
      const waiting = scene.poll(op.poll);
      return { real: scene.hangUp(waiting === undefined ? [] : [waiting]), model: () => undefined };
    }
    case 'pass':
      return { real: pass(scene, op.ms), model: () => undefined };
    case 'set the wall clock':
      return { real: setClock(scene, op.ms), model: () => undefined };
    case 'reach an occurrence':
      return { real: reachOccurrence(scene), model: () => undefined };
    case 'restart':
      return { real: restart(scene, op.down), model: () => undefined };
    case 'crash':
      return { real: crash(scene, op), model: () => undefined };
    case 'reclaim':
      return { real: reclaim(scene), model: () => reclaimed(scene) };
    case 'upkeep':
      return { real: upkeep(scene), model: () => scene.model.upkeep() };
    default:
      return callSchedules(scene, op);
  }
}

function submit(scene: Scene, submission: Submission): Step {
  const task = toTask(scene.clock, submission);
  const once = toOnce(submission, '/tasks');
  const real = scene.queue
    .submit(task, once)
    .then((receipt) => receive(scene, { ...receipt, tasks: [receipt] }));
  return { real, model: () => scene.model.submit([task], once) };
}

function batch(scene: Scene, submissions: Batch): Step {
  const tasks = submissions.tasks.map((task) => toTask(scene.clock, task));
  const once = toOnce(submissions, '/tasks/batch');
  const real = scene.queue.submitAll(tasks, once).then((receipts) => receive(scene, receipts));
  return { real, model: () => scene.model.submit(tasks, once) };
}

function receive(scene: Scene, { tasks, duplicate }: Receipts): { tasks: string[]; duplicate: boolean } {
  if (duplicate) scene.tally.count('repeated submission');
  return { tasks: tasks.map(({ taskId }) => scene.nameOf(taskId)), duplicate: duplicate ?? false };
}

function poll(scene: Scene, how: Poll): Step {
  const client = new AbortController();
  const { who, max, queues, types } = how;
  const poller: Poller = { ...scene.caller(who), queues, types, max };
  const polled: Polled = {
    how,
    client,
    real: null,
    over: DONE,
    model: { poller, answer: null },
    waited: false,
  };
  polled.over = answerOf<Claim[]>(() => scene.queue.claim(poller, client.signal)).then((answer) => {
    polled.real = answer;
  });
  scene.polls.push(polled);
  const model = async () => {
    const refused = await answerOf(() => scene.model.poll(polled.model));
    if (typeof refused === 'string') polled.model.answer = refused;
  };
  return { real: DONE, model };
}

function heartbeat(scene: Scene, { who, names, spooled, also }: Heartbeat): Step {
  const { runner } = who;
  const instanceId = scene.caller(who).instanceId ?? '';
  const own = scene.given.filter((given) => given.runner === runner && scene.model.isOpen(given.task));
  const kept = { all: own, older: own.slice(0, -1), none: [] }[names].map(({ lease }) => lease);
  const other = also === undefined ? [] : [scene.claim(also)?.lease ?? 'no lease'];
  const running = [...new Set(spooled ? other : [...kept, ...other])];
  const there = spooled ? kept.filter((lease) => !other.includes(lease)) : [];
  const toIds = (leases: string[]) => leases.map((lease) => scene.idOf(lease));
  const toNames = (ids: string[]) => ids.map((id) => scene.nameOf(id));
  const beat = { runnerId: runner, instanceId, leases: toIds(running), spooled: toIds(there) };
  const real = scene.queue.heartbeat(beat).then(({ cancelled, lost, leaseMs }) => {
    if (cancelled.length > 0) scene.tally.count('cancel heard of');
    if (lost.length > 0) scene.tally.count('loss heard of');
    if (running.length + there.length > lost.length) scene.tally.count('lease extended');
    return { cancelled: toNames(cancelled), lost: toNames(lost), leaseMs };
  });
  return { real, model: () => scene.model.heartbeat(runner, instanceId, running, there) };
}

function finish(scene: Scene, op: Extract<Op, { op: 'finish' | 'guess' }>): Step {
  const given = op.op === 'finish' ? scene.claim(op.claim) : undefined;
  const task = op.op === 'finish' ? (given?.task ?? 'no task') : scene.task(op.task, FITTING.cancel);
  const lease = { own: given?.lease ?? null, none: null, wrong: 'no lease' }[op.lease];
  const exitCode = op.op === 'finish' ? op.exitCode : 0;
  const report = { stdout: `by ${lease}`, exitCode, error: exitCode === 0 ? null : 'broken' };
  const attempt = { id: scene.idOf(task), leaseId: lease === null ? null : scene.idOf(lease) };
  return {
    real: scene.queue.finish(aReport(attempt, report)),
    model: () => scene.model.finish(task, lease, report),
  };
}

function ofLease(scene: Scene, what: 'release' | 'delivered' | 'give back', lease: string): Step {
  const id = scene.idOf(lease);
  if (what === 'release') {
    return { real: scene.queue.release(id, 'because'), model: () => scene.model.release(lease) };
  }
  if (what === 'delivered') scene.queue.delivered([id]);
  else scene.queue.giveBack([id]);
  const model = () => (what === 'delivered' ? scene.model.delivered(lease) : scene.model.giveBack(lease));
  return { real: DONE, model };
}

function ofTask(scene: Scene, what: 'cancel' | 'retry', task: string): Step {
  const answer = scene.queue[what](scene.idOf(task));
  const real = answer.then(({ taskId, ...more }) => ({ task: scene.nameOf(taskId), ...more }));
  return { real, model: () => ({ task, ...scene.model[what](task) }) };
}

function unstick(scene: Scene, task: string): Step {
  const real = scene.queue.unstick(scene.idOf(task)).then(({ did }) => {
    const freed = did !== 'nothing';
    if (freed) scene.tally.count('freed by unstick');
    return { freed };
  });
  return { real, model: () => scene.model.unstick(task) };
}

/** As `GET /tasks/:id` does: what is read once is gone at once. */
function read(scene: Scene, task: string): Step {
  const id = scene.idOf(task);
  const outcome = essenceOf(scene.queue.outcome(id));
  same(outcome, scene.model.outcome(task), `what a reader of ${task} gets`);
  if (!outcome?.result) return { real: DONE, model: () => undefined };
  scene.queue.consume(id);
  scene.model.hide(task);
  return { real: DONE, model: () => scene.model.bury(task) };
}

/** What the reconciler does every few seconds. */
async function reclaim({ queue }: Scene): Promise<void> {
  await queue.upkeep.reclaimLost();
  await queue.upkeep.loseRunners();
}

function reclaimed({ model }: Scene): void {
  model.reclaimLost();
  model.loseRunners();
}

/** Every duty, in the reconciler's order. */
async function upkeep({ queue }: Scene): Promise<void> {
  const duties = queue.upkeep;
  await duties.reclaimLost();
  await duties.loseRunners();
  same(await duties.restoreReady(), 0, 'ready tasks that were missing in the ready list');
  await duties.expirePending();
  await duties.expireResults();
  await duties.expireSessions();
  await duties.expireBindings();
  await duties.expireIdempotency();
  await duties.copyEvents();
  await duties.trimEvents();
  await duties.checkpoint();
  await duties.reclaimSpace();
}
