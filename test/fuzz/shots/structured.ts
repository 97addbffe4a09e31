/** Requests whose fields are right, wrong, or anything. */
import type { Random } from '../random.ts';
import { type Request, requestOf, type Values, validValues } from '../requests.ts';
import { type Draft, type Dressing, ENCODINGS, type Loading, whole } from '../shot.ts';
import { anyJson, pollution, words } from '../values.ts';

/** How long whoever sends something odd to a route that waits, waits. */
const IMPATIENT_MS = 40;

/** A valid mutant: it must get through. */
export function valid(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const values = { ...(target.strict ? {} : extras(random)), ...validValues(target, random, marker) };
  const request = varied(random, requestOf(target, values), { target: loading.target, marker });
  return whole(loading, request, {
    expect: 'accepted',
    need: target.need,
    dressing: dressing(random, request),
  });
}

/** One field is wrong; all else is right. */
export function invalid(loading: Loading): Draft {
  const { random, marker } = loading;
  const able = loading.targets.filter(({ fields }) =>
    Object.values(fields).some((field) => field.invalid !== null),
  );
  const target = random.pick(able);
  const [name, field] = random.pick(
    Object.entries(target.fields).filter(([, { invalid }]) => invalid !== null),
  );
  const values = { ...validValues(target, random, marker), [name]: field.invalid?.(random) };
  const request = requestOf(target, values);
  const draft = whole({ ...loading, target }, request, { expect: 'refused', need: target.need });
  return { ...draft, name: `${request.method} ${target.path} with a wrong ${name}` };
}

/** Every field is as it should be, missing, or anything. */
export function wild(loading: Loading): Draft {
  const { random, target, marker } = loading;
  const right = validValues(target, random, marker);
  const mixed = Object.entries(right).map(([name, value]) => {
    const fate = random.weighted({ kept: 5, odd: 4, missing: 1 });
    return [name, fate === 'kept' ? value : fate === 'odd' ? anyJson(random) : undefined] as const;
  });
  const values = { ...Object.fromEntries(mixed), ...extras(random) };
  return whole(loading, requestOf(target, values), {
    expect: 'any',
    need: target.need,
    ...impatience(loading),
  });
}

/** For routes that may have a reason to wait. */
export function impatience({ target }: Pick<Loading, 'target'>): { patience?: number } {
  return target.parks ? { patience: IMPATIENT_MS } : {};
}

/** What no route asks for. */
function extras(random: Random): Values {
  if (random.chance(0.6)) return {};
  return { ...pollution(random), [`fuzz ${words(random)}`]: anyJson(random) };
}

/** The same request as others would write it. */
function varied(
  random: Random,
  request: Request,
  { target, marker }: { target: Loading['target']; marker: string },
): Request {
  const method = request.method === 'GET' && random.chance(0.15) ? 'HEAD' : request.method;
  const [path = '', query] = request.path.split('?');
  const slash = random.chance(0.1) ? '/' : '';
  const headers = [...request.headers];
  if (target.submits && random.chance(0.3))
    headers.push(['Idempotency-Key', `${marker}${random.chance(0.1) ? 'k'.repeat(150) : ''}`]);
  return { ...request, method, path: `${path}${slash}${query === undefined ? '' : `?${query}`}`, headers };
}

function dressing(random: Random, { body }: Request): Dressing {
  if (body === undefined) return {};
  const chosen = random.weighted({ plain: 8, encoded: 1, chunked: 1 });
  if (chosen === 'plain') return {};
  if (chosen === 'chunked') return { chunked: true };
  return { encoding: random.pick(Object.keys(ENCODINGS) as (keyof typeof ENCODINGS)[]) };
}
