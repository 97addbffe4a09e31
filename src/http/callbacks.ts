import { type Handler, parseQuery } from './call.ts';
import { callbacksQuery } from './contract/callback.ts';
import type { RouteDeps } from './deps.ts';

/** `/callbacks`: the messages that are owed, what keeps them from arriving, and those that never did. */
export function callbackHandlers({ queue: { outbox } }: RouteDeps) {
  return {
    list: (({ search }) => {
      const page = outbox.list(parseQuery(callbacksQuery, search));
      return { ...page, pauses: outbox.pauses() };
    }) satisfies Handler,

    replay: (({ id }) => outbox.replay(id)) satisfies Handler,
  };
}
