import type { Schedule } from '../queue/schedules.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { NewSchedule, ScheduleChanges } from './shapes.ts';

/** `/schedules`: tasks that are submitted again and again. */
export class Schedules {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** By name. */
  async list(options?: CallOptions): Promise<Schedule[]> {
    const { schedules } = await this.#caller.get<{ schedules: Schedule[] }>('/schedules', {}, options);
    return schedules;
  }

  get(id: string, options?: CallOptions): Promise<Schedule> {
    return this.#caller.get(pathOf(id), {}, options);
  }

  add(schedule: NewSchedule, options?: CallOptions): Promise<Schedule> {
    return this.#caller.post('/schedules', schedule, options);
  }

  /** What is not named stays as it is. Setting a thing twice is as good as once: it is repeated where that may help. */
  edit(id: string, changes: ScheduleChanges, options?: CallOptions): Promise<Schedule> {
    return this.#caller.call({ method: 'PATCH', path: pathOf(id), body: changes, repeatable: true }, options);
  }

  pause(id: string, options?: CallOptions): Promise<Schedule> {
    return this.edit(id, { paused: true }, options);
  }

  resume(id: string, options?: CallOptions): Promise<Schedule> {
    return this.edit(id, { paused: false }, options);
  }

  /** Submits its task now, whether it is paused or not. */
  run(id: string, options?: CallOptions): Promise<{ taskId: string; sessionId?: string }> {
    return this.#caller.post(`${pathOf(id)}/run`, {}, options);
  }

  /** Its tasks stay. */
  async remove(id: string, options?: CallOptions): Promise<void> {
    await this.#caller.call({ method: 'DELETE', path: pathOf(id) }, options);
  }
}

function pathOf(id: string): string {
  return `/schedules/${encodeURIComponent(id)}`;
}
