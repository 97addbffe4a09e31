/** What happened in all histories together, so that one sees that each kind of thing did. */

/** Operations, refusals, events and encounters that every run of some length must have seen. */
export const KINDS = [
  'submit',
  'batch',
  'poll',
  'heartbeat',
  'finish',
  'guess',
  'release',
  'delivered',
  'give back',
  'cancel',
  'retry',
  'unstick',
  'read',
  'hang up',
  'pass',
  'set the wall clock',
  'reclaim',
  'upkeep',
  'restart',
  'crash',
  'crash in the middle of a look',
  'create schedule',
  'edit schedule',
  'remove schedule',
  'run schedule',
  'reach an occurrence',
  'look',
  'edited after the clock was set back',
  'run by an occurrence',
  'run by hand',
  'one for all that were missed',
  'several in one turn',
  'claimed at once',
  'claimed by a parked poll',
  'repeated submission',
  'waits for a time',
  'found by its tag',
  'freed by unstick',
  'cancel heard of',
  'loss heard of',
  'lease extended',
  'refused: already_finished',
  'refused: idempotency_conflict',
  'refused: lease_lost',
  'refused: not_final',
  'refused: not_found',
  'refused: invalid_field',
  'refused: not_running',
  'refused: queue_full',
  'refused: result_consumed',
  'refused: schedule_exists',
  'refused: session_queue_mismatch',
  'refused: superseded',
  'task.created',
  'task.started',
  'task.completed',
  'task.failed',
  'task.cancelled',
  'task.cancel_requested',
  'task.lease_lost',
  'task.requeued',
  'task.released',
  'task.retried',
  'task.expired',
  'task.late_result',
  'task.reconciled',
  'schedule.missed',
  'schedule.skipped',
  'schedule.refused',
  'runner.connected',
  'runner.lost',
] as const;

export type Kind = (typeof KINDS)[number];

export class Tally {
  readonly counts: Record<string, number> = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
  operations = 0;

  count(kind: string): void {
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
  }

  /** What never happened. */
  get missing(): string[] {
    return KINDS.filter((kind) => this.counts[kind] === 0);
  }
}
