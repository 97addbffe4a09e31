import type { CallbackState } from '../queue/callbacks.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { CallbackFilter, CallbackPage } from './shapes.ts';

/** `/callbacks`: the messages that are owed, and those that never arrived. */
export class Callbacks {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  /** Newest first, a page; with what is paused. */
  list(filter: CallbackFilter = {}, options?: CallOptions): Promise<CallbackPage> {
    return this.#caller.get('/callbacks', filter, options, 'callbacks');
  }

  /** A dead one is sent again, behind all that its destination is owed; a paused one is tried now. */
  replay(id: string, options?: CallOptions): Promise<CallbackState> {
    return this.#caller.post(`/callbacks/${encodeURIComponent(id)}/replay`, {}, options, 'attempts');
  }
}
