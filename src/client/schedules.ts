import type { Schedule } from '../queue/schedules.ts';
import type { Caller, CallOptions, SubmitOptions } from './caller.ts';
import type { NewSchedule, ScheduleChanges, Submitted } from './shapes.ts';

/** `/schedules`: tasks that are submitted again and again. */
export class Schedules {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** By name. */
  list(options?: CallOptions): Promise<Schedule[]> {
    return this.#caller.read('schedules', '/schedules', {}, options);
  }

  get(id: string, options?: CallOptions): Promise<Schedule> {
    return this.#caller.get(pathOf(id), {}, options, 'cron');
  }

  /** Safe to repeat: it carries an idempotency key. */
  add(schedule: NewSchedule, options?: SubmitOptions): Promise<Schedule & Pick<Submitted, 'duplicate'>> {
    return this.#caller.submit('/schedules', schedule, options, 'cron');
  }

  /** What is not named stays as it is. Setting a thing twice is as good as once: it is repeated where that may help. */
  edit(id: string, changes: ScheduleChanges, options?: CallOptions): Promise<Schedule> {
    const edit = { method: 'PATCH', path: pathOf(id), body: changes, expects: 'cron' } as const;
    return this.#caller.call({ ...edit, repeatable: true }, options);
  }

  pause(id: string, options?: CallOptions): Promise<Schedule> {
    return this.edit(id, { paused: true }, options);
  }

  resume(id: string, options?: CallOptions): Promise<Schedule> {
    return this.edit(id, { paused: false }, options);
  }

  /** Submits its task now, whether it is paused or not. Safe to repeat: it carries an idempotency key. */
  run(id: string, options?: SubmitOptions): Promise<Omit<Submitted, 'message'>> {
    return this.#caller.submit(`${pathOf(id)}/run`, {}, options, 'taskId');
  }

  /** Its tasks stay. */
  async remove(id: string, options?: CallOptions): Promise<void> {
    await this.#caller.call({ method: 'DELETE', path: pathOf(id) }, options);
  }
}

function pathOf(id: string): string {
  return `/schedules/${encodeURIComponent(id)}`;
}
