/** Which request comes when: the same for the same seed, each made for itself. */
import { Random } from './random.ts';
import type { Target } from './route-table.ts';
import { type Draft, type Loading, markerOf, type Shot } from './shot.ts';
import { flipped, framing, noHttp, noUtf8, pipelined } from './shots/bytes.ts';
import { headers, methods, paths, queries } from './shots/lines.ts';
import { abandoned, drip, parked, vanished } from './shots/rude.ts';
import { stranger } from './shots/strangers.ts';
import { invalid, valid, wild } from './shots/structured.ts';
import { atTheLimit, brokenJson, oddJson, packed } from './shots/texts.ts';

const MAKERS = {
  valid,
  invalid,
  wild,
  stranger,
  brokenJson,
  oddJson,
  packed,
  atTheLimit,
  paths,
  queries,
  methods,
  headers,
  noHttp,
  framing,
  flipped,
  pipelined,
  noUtf8,
  drip,
  abandoned,
  vanished,
  parked,
} satisfies Record<string, (loading: Loading) => Draft>;

type Kind = keyof typeof MAKERS;

/** Parts of a thousand. */
const WEIGHTS: Readonly<Record<Kind, number>> = {
  valid: 215,
  invalid: 130,
  wild: 100,
  stranger: 150,
  brokenJson: 40,
  oddJson: 30,
  packed: 15,
  atTheLimit: 2,
  paths: 70,
  queries: 40,
  methods: 20,
  headers: 50,
  noHttp: 20,
  framing: 28,
  flipped: 30,
  pipelined: 5,
  noUtf8: 10,
  drip: 10,
  abandoned: 15,
  vanished: 10,
  parked: 10,
};

export function shotAt(seed: number, index: number, targets: readonly Target[]): Shot {
  const random = new Random(seed, index);
  const kind = random.weighted(WEIGHTS);
  const marker = markerOf(seed, index);
  const draft = MAKERS[kind]({ random, marker, target: random.pick(targets), targets });
  return {
    ...draft,
    name: draft.name.length > 100 ? `${draft.name.slice(0, 100)}…` : draft.name,
    index,
    kind,
    marker,
  };
}
