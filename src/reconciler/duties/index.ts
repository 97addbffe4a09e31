import type { Duty } from '../duty.ts';
import { checkpoint } from './checkpoint.ts';
import { copyEvents } from './copy-events.ts';
import { expireBindings } from './expire-bindings.ts';
import { expireCallbacks } from './expire-callbacks.ts';
import { expireIdempotency } from './expire-idempotency.ts';
import { expirePending } from './expire-pending.ts';
import { expireResults } from './expire-results.ts';
import { expireSessions } from './expire-sessions.ts';
import { loseRunners } from './lose-runners.ts';
import { pruneReady } from './prune-ready.ts';
import { reclaimLost } from './reclaim-lost.ts';
import { reclaimSpace } from './reclaim-space.ts';
import { restoreReady } from './restore-ready.ts';
import { trimEvents } from './trim-events.ts';

/** In an order that lets one `runAll` do the most: what one duty leaves behind, a later one takes away. */
export const DUTIES: readonly Duty[] = [
  reclaimLost,
  loseRunners,
  restoreReady,
  expirePending,
  expireResults,
  expireSessions,
  expireBindings,
  expireCallbacks,
  expireIdempotency,
  trimEvents,
  copyEvents,
  pruneReady,
  checkpoint,
  reclaimSpace,
];
