import type { Gap } from '../http/contract/events.ts';
import type { Event, EventStats } from '../queue/events.ts';
import type { Caller, CallOptions } from './caller.ts';
import { EventStream, type StreamOptions } from './event-stream.ts';
import type { EventFilter, Maintenance } from './shapes.ts';

/** `/events`: the audit trail. */
export class Events {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Newest first. */
  list(filter: EventFilter = {}, options?: CallOptions): Promise<Event[]> {
    return this.#caller.read('events', '/events', filter, options);
  }

  /**
   * Events as they happen, oldest first, each once, over restarts of the Task API; from `lastEventId` (an event's
   * `seq`) on, else from when the stream begins. A `Gap` (it has no `seq`) stands for those that are no longer there. Ends with the loop
   * that reads it; rejects with the signal's reason when that aborts.
   */
  async *stream(
    filter: Omit<EventFilter, 'limit'> = {},
    options: StreamOptions = {},
  ): AsyncGenerator<Event | Gap, void> {
    const stream = new EventStream(this.#caller, { path: '/events/stream', query: filter }, options);
    for await (const { data } of stream.messages()) yield JSON.parse(data);
  }

  stats(options?: CallOptions): Promise<EventStats> {
    return this.#caller.read('stats', '/events/stats', {}, options);
  }

  /** Trims now; `vacuum` gives space back to the file system. */
  maintenance(body: { vacuum?: boolean } = {}, options?: CallOptions): Promise<Maintenance> {
    return this.#caller.post('/events/maintenance', body, options);
  }
}
