/** The suite that every engine passes: what each method of `TaskQueue` does, told as arrows of the state drawing. */
import { describe } from 'vitest';
import type { EngineUnderTest } from './engine.ts';
import { describeAffinity } from './suite/affinity.ts';
import { describeBatch } from './suite/batch.ts';
import { describeBudgets } from './suite/budgets.ts';
import { describeCancel } from './suite/cancel.ts';
import { describeClaim } from './suite/claim.ts';
import { describeEventLog } from './suite/event-log.ts';
import { describeEvents } from './suite/events.ts';
import { describeFinish } from './suite/finish.ts';
import { describeGivingBack } from './suite/giving-back.ts';
import { describeHeartbeat } from './suite/heartbeat.ts';
import { describeLeases } from './suite/leases.ts';
import { describeLookingOn } from './suite/looking-on.ts';
import { describeOnce } from './suite/once.ts';
import { describeOutbox } from './suite/outbox.ts';
import { describeOutboxCounts } from './suite/outbox-counts.ts';
import { describeOutboxLanes } from './suite/outbox-lanes.ts';
import { describeOutboxList } from './suite/outbox-list.ts';
import { describeOutboxMessages } from './suite/outbox-messages.ts';
import { describeOutboxPauses } from './suite/outbox-pauses.ts';
import { describeOutboxReplay } from './suite/outbox-replay.ts';
import { describeOutboxResume } from './suite/outbox-resume.ts';
import { describeOutput } from './suite/output.ts';
import { describeReadyList } from './suite/ready-list.ts';
import { describeRestart } from './suite/restart.ts';
import { describeResults } from './suite/results.ts';
import { describeRetention } from './suite/retention.ts';
import { describeRetry } from './suite/retry.ts';
import { describeRunners } from './suite/runners.ts';
import { describeSameTurn } from './suite/same-turn.ts';
import { describeSchedules } from './suite/schedules.ts';
import { describeSubmit } from './suite/submit.ts';
import { describeTags } from './suite/tags.ts';
import { describeThreeCases } from './suite/three-cases.ts';
import { describeTimes } from './suite/times.ts';
import { describeUnstick } from './suite/unstick.ts';
import { describeWallClock } from './suite/wall-clock.ts';

const PARTS = [
  describeSubmit,
  describeTimes,
  describeTags,
  describeBatch,
  describeOnce,
  describeClaim,
  describeGivingBack,
  describeAffinity,
  describeBudgets,
  describeHeartbeat,
  describeLeases,
  describeRunners,
  describeThreeCases,
  describeFinish,
  describeCancel,
  describeRetry,
  describeUnstick,
  describeResults,
  describeRetention,
  describeWallClock,
  describeRestart,
  describeEvents,
  describeEventLog,
  describeOutbox,
  describeOutboxMessages,
  describeOutboxLanes,
  describeOutboxPauses,
  describeOutboxResume,
  describeOutboxReplay,
  describeOutboxList,
  describeOutboxCounts,
  describeOutput,
  describeReadyList,
  describeLookingOn,
  describeSameTurn,
  describeSchedules,
];

export function describeConformance(engine: EngineUnderTest): void {
  describe(`the ${engine.name} engine`, () => {
    for (const describePart of PARTS) describePart(engine);
  });
}
