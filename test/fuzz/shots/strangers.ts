/** Requests without the right token: nothing of them may be done. */
import type { Random } from '../random.ts';
import { requestOf, validValues } from '../requests.ts';
import { type Draft, type Loading, RIGHT, TOKEN, whole } from '../shot.ts';
import { anyJson } from '../values.ts';

type Headers = readonly (readonly [string, string])[];

const AS: readonly Headers[] = [
  [],
  [],
  [['Authorization', '']],
  [['Authorization', 'Bearer']],
  [['Authorization', 'Bearer wrong']],
  [['Authorization', `Bearer ${TOKEN}x`]],
  [['Authorization', `Bearer ${TOKEN.slice(0, -1)}`]],
  [['Authorization', `Bearer x${TOKEN}`]],
  [['Authorization', `Bearer ${TOKEN.toUpperCase()}`]],
  [['Authorization', `Bearer ${TOKEN}, Bearer ${TOKEN}`]],
  [['Authorization', `Bearer "${TOKEN}"`]],
  [['Authorization', `Bearer${TOKEN}`]],
  [['Authorization', `Basic ${TOKEN}`]],
  [['Authorization', `Basic ${Buffer.from(`:${TOKEN}`).toString('base64')}`]],
  [['Authorization', `Token ${TOKEN}`]],
  [['Authorization', TOKEN]],
  [['Authorization', `Bearer ${TOKEN}\xff`]],
  [['Authorization', 'Bearer wrong'], RIGHT],
  [['X-Authorization', `Bearer ${TOKEN}`]],
  [['Proxy-Authorization', `Bearer ${TOKEN}`]],
  [['Cookie', `token=${TOKEN}; authorization=Bearer ${TOKEN}`]],
  [
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Real-IP', '127.0.0.1'],
    ['Forwarded', 'for=127.0.0.1'],
  ],
];

/** Some way to come without the right token. */
export function withoutToken(random: Random): Headers {
  return random.pick(AS);
}

/** A valid request otherwise, or not even that. */
export function stranger(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const values = validValues(target, random, marker);
  const request = requestOf(target, random.chance(0.8) ? values : { fuzz: anyJson(random) });
  const inQuery = random.chance(0.1)
    ? `${request.path.includes('?') ? '&' : '?'}token=${TOKEN}&access_token=${TOKEN}`
    : '';
  const method = request.method === 'GET' && random.chance(0.2) ? 'HEAD' : request.method;
  const body =
    request.body !== undefined && random.chance(0.1)
      ? random.pick(['{"command":', 'x'.repeat(100_000)])
      : request.body;
  return whole(
    loading,
    { ...request, method, path: request.path + inQuery, body },
    {
      authorized: false,
      expect: target.open ? 'accepted' : 'refused',
      // A request that is in need of a task gets one, so that there is something to be done.
      need: random.chance(0.2) ? target.need : undefined,
      dressing: { auth: withoutToken(random) },
    },
  );
}
