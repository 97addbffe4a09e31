/** Which tasks have their outcome told, and where: decided by the seed and the task's key. */
import type { CallbackKind } from '../../src/destination.ts';
import { Random, seedOf } from './random.ts';

/** As a submission brings it. */
export interface Callback {
  kind: Extract<CallbackKind, 'discord' | 'telegram' | 'webhook'>;
  target: string;
  threadId?: string;
  token?: string;
  secret?: string;
}

/** Null: nobody is told of the task of that key. */
export type CallbackOf = (key: string) => Callback | null;

/** One in so many tasks has one. */
const SHARE = 2;

export function callbacksBy(seed: number, destinations: readonly Callback[]): CallbackOf {
  const [first, ...others] = destinations;
  return (key) => {
    const random = new Random(seedOf(seed, `callback ${key}`));
    return first !== undefined && random.oneIn(SHARE) ? random.pick([first, ...others]) : null;
  };
}

/** Where its readers look. */
export function channelOf({ kind, target, threadId }: Callback): string {
  return `${kind} ${threadId === undefined ? target : `${target}/${threadId}`}`;
}
