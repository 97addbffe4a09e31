import { describe, expect, test } from 'vitest';
import { type Claim, isFinal } from '../../../src/queue/index.ts';
import { aCommand, aPrompt } from '../../support/queue.ts';
import { type EngineUnderTest, MINUTE } from '../engine.ts';
import { aRunner, Stage } from '../stage.ts';

const RUNNERS = [aRunner('A'), aRunner('B')];
const KEYS = ['red', 'green', 'blue'];
const OVER = ['completed', 'failed', 'cancelled', 'lease_lost', 'released', 'requeued', 'retried'];

/** Small repeatable random numbers: the seed is in the test's name. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** Clients, runners and time, in an order that the dice decide. */
class Walk {
  readonly stage: Stage;
  readonly keyOf = new Map<string, string>();
  readonly #roll: (sides: number) => number;
  #held: Claim[] = [];

  constructor(stage: Stage, roll: (sides: number) => number) {
    this.stage = stage;
    this.#roll = roll;
  }

  async step(): Promise<void> {
    const steps = [this.#submit, this.#submit, this.#claim, this.#claim, this.#report, this.#report];
    const rare = [this.#cancel, this.#release, this.#lose, this.#restart];
    const pick = this.#roll(steps.length * 2 + rare.length);
    await (steps[pick % (steps.length * 2)] ?? rare[pick % rare.length] ?? this.#claim).call(this);
  }

  /** Every task runs to its end. */
  async finishAll(): Promise<void> {
    this.#held = [];
    for (let round = 0; round < 500; round++) {
      await this.stage.pass(15 * MINUTE);
      for (const runner of RUNNERS) {
        for (const claim of await this.stage.take(runner)) await this.stage.finish(claim);
      }
      if (this.stage.queue.list({ status: 'pending', limit: 1 }).tasks.length > 0) continue;
      if (this.stage.queue.list({ status: 'running', limit: 1 }).tasks.length === 0) return;
    }
    throw new Error('some task never ends');
  }

  async #submit(): Promise<void> {
    const key = KEYS[this.#roll(KEYS.length)] ?? '';
    const change = { priority: this.#roll(3), retries: this.#roll(2), delayMs: this.#roll(2) * 5_000 };
    const task = this.#roll(3) === 0 ? aPrompt(key, change) : aCommand({ sessionKey: key, ...change });
    this.keyOf.set(await this.stage.submit(task), task.sessionKey ?? '');
  }

  async #claim(): Promise<void> {
    this.#held.push(
      ...(await this.stage.take(RUNNERS[this.#roll(2)] ?? RUNNERS[0]!, { max: 1 + this.#roll(3) })),
    );
  }

  /** Of any attempt, also of one that is over: such a report is refused. */
  async #report(): Promise<void> {
    const claim = this.#held[this.#roll(this.#held.length)];
    if (claim === undefined) return;
    await this.stage.finish(claim, { exitCode: this.#roll(3) }).catch(refusal);
  }

  async #cancel(): Promise<void> {
    const ids = [...this.keyOf.keys()];
    await this.stage.queue.cancel(ids[this.#roll(ids.length)] ?? '').catch(refusal);
  }

  async #release(): Promise<void> {
    const claim = this.#held[this.#roll(this.#held.length)];
    if (claim !== undefined) await this.stage.queue.release(claim.leaseId, 'dice').catch(refusal);
  }

  async #lose(): Promise<void> {
    await this.stage.pass(this.#roll(70_000));
  }

  async #restart(): Promise<void> {
    await this.stage.reopen();
  }
}

/** A refusal is an answer; anything else is a fault. */
function refusal(error: { name: string; code?: string }): void {
  if (error.name !== 'AppError' || error.code === 'storage_unavailable') throw error;
}

export function describeInvariants(engine: EngineUnderTest): void {
  describe('whatever clients, runners and time do', () => {
    test.each([1, 2, 3, 4, 5])(
      'each key runs one task at a time, in order, each to one end (dice %i)',
      async (seed) => {
        const stage = await Stage.open(engine, {
          maxEvents: 1_000_000,
          taskRetentionMs: 7 * 24 * 60 * MINUTE,
        });
        const walk = new Walk(stage, dice(seed));
        for (let step = 0; step < 150; step++) await walk.step();
        await walk.finishAll();

        const lastStarted = new Map<string, number>();
        const order = [...walk.keyOf.keys()];
        const running = new Map<string, string>();
        for (const [taskId, type] of history(stage, order)) {
          const key = walk.keyOf.get(taskId) ?? '';
          if (type === 'started') {
            expect(running.get(key)).toBeUndefined();
            running.set(key, taskId);
            expect(order.indexOf(taskId)).toBeGreaterThanOrEqual(lastStarted.get(key) ?? 0);
            lastStarted.set(key, order.indexOf(taskId));
          } else if (OVER.includes(type) && running.get(key) === taskId) running.delete(key);
        }
        for (const id of order) {
          const outcome = stage.queue.outcome(id);
          expect(outcome?.status).toSatisfy(isFinal);
          const ends = stage.story(id).filter((type) => /^task\.(completed|failed|cancelled)$/.test(type));
          expect(ends).toEqual([`task.${outcome?.status}`]);
        }
        expect(stage.queue.stats()).toMatchObject({ total: order.length, unconsumedResults: order.length });
      },
    );
  });
}

/** All task events in their order, as task and what happened to it. */
function history(stage: Stage, ids: string[]): [string, string][] {
  const events = ids.flatMap((taskId) => stage.queue.events.list({ taskId, limit: 500 }));
  events.sort((a, b) => a.seq - b.seq);
  return events.map((event) => [event.taskId ?? '', event.type.replace('task.', '')]);
}
