/** Clients that are slow, hang up, or never say goodbye. */
import { TASK_ID } from '../examples.ts';
import { requestOf, validValues } from '../requests.ts';
import { bytesOf, type Draft, dripped, type Loading, RIGHT, rough, whole } from '../shot.ts';
import { withoutToken } from './strangers.ts';

/** A valid request in drops: it must get through. */
export function drip(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const request = requestOf(target, validValues(target, random, marker));
  const dressing = {
    drip: { pieces: random.int(2, 12), pauseMs: random.int(1, 8) },
    chunked: request.body !== undefined && random.chance(0.3),
  };
  return whole(loading, request, { expect: 'accepted', need: target.need, dressing });
}

/** It begins, and breaks off in the head or the body. */
export function abandoned(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const request = requestOf(target, validValues(target, random, marker));
  const authorized = random.chance(0.7);
  const auth = authorized ? [RIGHT] : withoutToken(random);
  const share = random.next();
  const ending = random.pick(['fin', 'reset'] as const);
  return rough(
    loading,
    `${request.method} ${request.path}, broken off`,
    (binding) => {
      const bytes = bytesOf(request, binding, { auth });
      const begun = bytes.subarray(0, Math.floor(share * (bytes.length - 1)));
      return { pieces: dripped(begun, { pieces: 2, pauseMs: 2 }), patience: random.int(0, 20), ending };
    },
    { authorized },
  );
}

/** The whole request, and gone before the answer. */
export function vanished(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const request = requestOf(target, validValues(target, random, marker));
  const patience = random.int(0, 3);
  const ending = random.pick(['fin', 'reset'] as const);
  return rough(
    loading,
    `${request.method} ${request.path}, nobody waits for the answer`,
    (binding) => ({ pieces: [{ bytes: bytesOf(request, binding), after: 0 }], patience, ending }),
    { need: target.need },
  );
}

/** Waits for a task that does not come, for a while; or goes on talking. */
export function parked(loading: Loading): Draft {
  const { random, marker } = loading;
  const target = random.pick(loading.targets.filter(({ parks }) => parks));
  const polls = target.path === '/worker/poll';
  const path = polls
    ? `/worker/poll?wait=60000&queues=nobody&runnerId=${marker}&max=5`
    : `/tasks/${TASK_ID}?wait=60000`;
  const request = { method: 'GET', path, headers: [], body: undefined };
  const more = random.pick(['', 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n', 'garbage\r\n\r\n', '\0\0\0']);
  const patience = random.int(1, 40);
  return rough(
    { ...loading, target },
    `GET ${path}, hung up`,
    (binding) => ({
      pieces: [
        { bytes: bytesOf(request, binding), after: 0 },
        { bytes: Buffer.from(more), after: random.int(0, 5) },
      ].filter(({ bytes }) => bytes.length > 0),
      patience,
    }),
    { need: polls ? undefined : 'pending' },
  );
}
