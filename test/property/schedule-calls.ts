/** The operations of schedules, called on the queue; and what each does in the model. */
import type { NewSchedule, Once, Schedule } from '../../src/queue/index.ts';
import { type Repeatable, toChange, toOnce, toSchedule } from './as-task.ts';
import type { Step } from './calls.ts';
import type { Op } from './history.ts';
import { printed } from './model/schedules.ts';
import type { Scene } from './scene.ts';
import { look } from './time.ts';

type ScheduleOp = Extract<
  Op,
  { op: 'create schedule' | 'edit schedule' | 'remove schedule' | 'run schedule' | 'look' }
>;

export function callSchedules(scene: Scene, op: ScheduleOp): Step {
  switch (op.op) {
    case 'create schedule':
      return create(scene, toSchedule(op.schedule), toOnce(op, '/schedules'));
    case 'edit schedule':
      return edit(scene, scene.schedule(op.of), toChange(op.change));
    case 'remove schedule':
      return remove(scene, scene.schedule(op.of));
    case 'run schedule':
      return run(scene, scene.schedule(op.of), op);
    case 'look':
      return look(scene);
  }
}

function create(scene: Scene, asked: NewSchedule, once: Once | undefined): Step {
  const real = scene.queue.schedules.create(asked, once).then(({ duplicate = false, ...made }) => {
    if (!duplicate) scene.nameSchedule(made.id);
    return { ...shown(scene, made), duplicate };
  });
  return { real, model: () => scene.model.createSchedule(asked, once) };
}

function edit(scene: Scene, name: string, change: Partial<NewSchedule>): Step {
  const real = scene.queue.schedules.edit(scene.idOf(name), change).then((edited) => shown(scene, edited));
  const { schedules } = scene.model;
  const model = () => {
    const isBack = schedules.isBefore(name);
    const edited = schedules.shown(schedules.edit(name, change));
    if (isBack) scene.tally.count('edited after the clock was set back');
    return edited;
  };
  return { real, model };
}

function remove(scene: Scene, name: string): Step {
  const real = scene.queue.schedules.remove(scene.idOf(name));
  return { real, model: () => scene.model.schedules.remove(name) };
}

function run(scene: Scene, name: string, asked: Repeatable): Step {
  const once = toOnce(asked, `/schedules/${name}/run`);
  const answer = scene.queue.schedules.run(scene.idOf(name), once);
  const real = answer.then(({ taskId, sessionId, duplicate = false }) => {
    return { task: scene.nameOf(taskId), session: sessionId && scene.nameOf(sessionId), duplicate };
  });
  return { real, model: () => scene.model.runSchedule(name, once) };
}

/** As the model shows it. */
export function shown(scene: Scene, schedule: Schedule): object {
  const { id, nextRunAt, lastRunAt, lastTaskId, createdAt, ...more } = schedule;
  const times = { next: printed(nextRunAt), lastRun: printed(lastRunAt), created: printed(createdAt) };
  return { id: scene.nameOf(id), ...more, ...times, lastTask: lastTaskId && scene.nameOf(lastTaskId) };
}
