/** Draws histories with fast-check and lives through each; the first that fails is made short, and told. */
import fc from 'fast-check';
import { SETTINGS } from '../support/settings.ts';
import { history } from './draw.ts';
import type { Failure, History } from './history.ts';
import { type Shrunk, shrink } from './shrink.ts';
import { type Product, Store } from './store.ts';
import { Tally } from './tally.ts';
import { told } from './told.ts';
import { World } from './world.ts';

export interface Trial {
  histories: number;
  seed: number;
  /** Of an earlier failure: that history only. */
  path?: string | undefined;
  product: Product;
  /** Where the queues have their files. */
  folder: string;
  /** Ends a hang; no history takes a hundredth of what it is when it is not given. */
  hangMs?: number;
  /** Hears the number of each history that begins. */
  onHistory?: (number: number) => void;
  /** Hears that a history failed, before it is made short. */
  onFailure?: () => void;
}

export interface Proof {
  histories: number;
  tally: Tally;
  /** What failed, and how to see it again; null when nothing did. */
  failure: string | null;
}

/** Few may wait, so that the queue is full now and then; events are kept, so that each story can be read to its end. */
export const OPTIONS = { ...SETTINGS, maxPending: 12, maxEvents: 5_000_000, eventRetentionDays: 3_650 };
const HANG_MS = 60_000;

export async function prove(trial: Trial): Promise<Proof> {
  const { histories, seed, path, hangMs = HANG_MS, onHistory, onFailure } = trial;
  const store = await Store.make(trial, OPTIONS);
  const tally = new Tally();
  let begun = 0;
  const hang: Failure = { turn: 0, why: `it took more than ${hangMs} ms` };
  let failure = hang;
  const property = fc.asyncProperty(history, async (turns) => {
    onHistory?.(++begun);
    const found = await live(store, turns, tally, true);
    failure = found ?? failure;
    return found === null;
  });
  try {
    const how = path === undefined ? { numRuns: histories, seed } : { numRuns: 1, seed, path };
    const found = await fc.check(property, { ...how, endOnFailure: true, timeout: hangMs });
    const [turns] = found.counterexample ?? [];
    if (turns === undefined) return { histories: found.numRuns, tally, failure: null };
    onFailure?.();
    const isAtTheEnd = failure.turn > turns.length;
    const trialOf = (simpler: History) => live(store, simpler, new Tally(), isAtTheEnd);
    // What hangs would hang again and again.
    const shrunk =
      failure === hang ? { history: turns, failure } : await shrink({ history: turns, failure }, trialOf);
    const again = `--seed ${seed} --path ${found.counterexamplePath}`;
    return { histories: found.numRuns, tally, failure: tell(again, turns, shrunk) };
  } finally {
    await store.clear();
  }
}

async function live(store: Store, turns: History, tally: Tally, toTheEnd: boolean): Promise<Failure | null> {
  const world = await World.open(store, OPTIONS, tally);
  return world.live(turns, toTheEnd);
}

function tell(again: string, turns: History, { history, failure }: Shrunk): string {
  return [
    `queue and model differ; see it again with ${again}`,
    `a history of ${turns.length} turns${failure.turn === 0 ? '' : ', made short'}:`,
    told(history),
    `${whereOf(failure, history)}: ${failure.why}`,
  ].join('\n');
}

function whereOf({ turn }: Failure, history: History): string {
  if (turn === 0) return 'somewhere';
  return turn > history.length ? 'when everything is to be brought to its end' : `in turn ${turn}`;
}
