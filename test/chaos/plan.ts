/** What the seed decides: whom a SIGKILL meets and when, and what befalls the connections. */
import type { Fault } from './link.ts';
import { Random, seedOf } from './random.ts';

export const ROLES = ['taskApi', 'runner', 'client'] as const;
export type Role = (typeof ROLES)[number];

export interface Kill {
  /** Milliseconds since the kill before. */
  afterMs: number;
  role: Role;
  /** Which one of the role, in [0, 1). */
  which: number;
  /** Milliseconds until it is started again. */
  downMs: number;
}

/** Whatever a link holds back has arrived by then. */
export const LONGEST_TROUBLE_MS = 12_000;

export interface Trouble {
  /** Milliseconds since the trouble before. */
  afterMs: number;
  /** On whose connections, in [0, 1). */
  which: number;
  fault: Fault;
  forMs: number;
}

/** In each ten kills. */
const TEN: readonly Role[] = [
  ...Array(3).fill('taskApi'),
  ...Array(5).fill('runner'),
  ...Array(2).fill('client'),
];

/** Each role is among the first three. */
export function planKills(seed: number, kills: number): Kill[] {
  const random = new Random(seedOf(seed, 'kills'));
  const roles: Role[] = random.shuffled(ROLES);
  while (roles.length < kills) roles.push(...random.shuffled(TEN));
  return roles.slice(0, kills).map((role) => ({
    afterMs: random.integer(100, 5_900),
    role,
    which: random.next(),
    downMs: role === 'runner' && random.oneIn(6) ? random.integer(6_500, 9_000) : random.integer(0, 1_500),
  }));
}

/** Without an end: there is trouble for as long as something is killed. */
export function* planTroubles(seed: number): Generator<Trouble, never> {
  const random = new Random(seedOf(seed, 'troubles'));
  for (;;) {
    yield {
      afterMs: random.integer(300, 3_500),
      which: random.next(),
      fault: faultOf(random),
      forMs: random.oneIn(6) ? random.integer(6_500, LONGEST_TROUBLE_MS) : random.integer(50, 2_500),
    };
  }
}

function faultOf(random: Random): Fault {
  switch (random.integer(0, 4)) {
    case 0:
      return { kind: 'cut' };
    case 1:
      return { kind: 'tear', bytes: random.integer(0, 400) };
    case 2:
      return { kind: 'delay', ms: random.integer(20, 800) };
    default:
      return { kind: 'stall', ways: random.pick([['up'], ['down'], ['up', 'down']]) };
  }
}
