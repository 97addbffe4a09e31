/** Random histories of an outbox beside the simplest model of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { OwedCallback, PauseOf } from '../../../src/queue/index.ts';
import type { EngineUnderTest } from '../engine.ts';
import { credential, destination, Owing, REST_MS } from '../owing.ts';

const ROOM = { total: 5, perLane: 2 };
const DESTINATIONS = [
  { kind: 'discord', target: 'a' },
  { kind: 'discord', target: 'b' },
  { kind: 'discord', target: 'a', token: 'sealed' },
  { kind: 'telegram', target: '1', threadId: '7' },
  { kind: 'webhook', target: 'https://a.example/?key' },
  { kind: 'webhook', target: 'https://b.example/' },
] as const;

/** What may come of a message that was taken. */
const OUTCOMES = ['sent', 'put off', 'later', 'buried', 'refused there', 'refused', 'limited'] as const;

const STEPS = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('owe' as const), to: fc.nat(DESTINATIONS.length - 1) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      which: fc.nat(9),
      as: fc.constantFrom(...OUTCOMES),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('replay' as const), which: fc.nat(9) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1_000, 60_000, REST_MS) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
type Step = typeof STEPS extends fc.Arbitrary<infer Value> ? Value : never;

/** What is owed, by its text; its stream is where it goes. */
interface Known {
  stream: string;
  dead: boolean;
}

class History {
  readonly #owing: Owing;
  /** In the order in which they are owed. */
  readonly #owed = new Map<string, Known>();
  #flying: OwedCallback[] = [];
  #next = 0;

  constructor(owing: Owing) {
    this.#owing = owing;
  }

  async step(step: Step): Promise<void> {
    if (step.do === 'owe') await this.#owe(step.to);
    else if (step.do === 'take') await this.#take();
    else if (step.do === 'settle') await this.#settle(step.which, step.as);
    else if (step.do === 'replay') await this.#replay(step.which);
    else if (step.do === 'wait') this.#owing.stage.clock.advance(step.ms);
    else await this.#reopen();
    this.#check();
  }

  /** All far servers work again, and time goes on: everything that is not dead arrives, each stream in its order. */
  async finish(): Promise<void> {
    for (let round = 0; this.#owing.outbox.counts().dead < this.#owed.size; round++) {
      expect(round, 'rounds until everything has arrived').toBeLessThan(500);
      await this.#take();
      while (this.#flying.length > 0) await this.#settle(0, 'sent');
      this.#owing.stage.clock.advance(60_000);
      this.#check();
    }
    expect([...this.#owed.values()].every(({ dead }) => dead)).toBe(true);
  }

  async #owe(to: number): Promise<void> {
    const change = DESTINATIONS[to] ?? DESTINATIONS[0];
    const text = String(this.#next++);
    await this.#owing.owe(text, change);
    this.#owed.set(text, { stream: JSON.stringify(change), dead: false });
  }

  /** Each is the first of its stream, and there is room for it. */
  async #take(): Promise<void> {
    for (const one of await this.#owing.take(ROOM)) {
      const { stream } = this.#known(one);
      const [first] = [...this.#owed].filter(([, known]) => known.stream === stream && !known.dead);
      expect(one.text).toBe(first?.[0]);
      expect(this.#flying.map(({ id }) => id)).not.toContain(one.id);
      this.#flying.push(one);
    }
    const perLane = Map.groupBy(this.#flying, ({ kind, target }) => (kind === 'webhook' ? target : kind));
    expect(Math.max(0, ...[...perLane.values()].map(({ length }) => length))).toBeLessThanOrEqual(
      ROOM.perLane,
    );
  }

  async #settle(which: number, as: (typeof OUTCOMES)[number]): Promise<void> {
    const one = this.#flying[which % Math.max(this.#flying.length, 1)];
    if (one === undefined) return;
    const { outbox } = this.#owing;
    const [all, there] = [credential(one.token, one.kind), destination(one.target, one.token, one.kind)];
    if (as === 'sent') {
      await outbox.resume(one.id, [all, there]);
      await outbox.sent(one.id);
      this.#owed.delete(one.text);
    } else if (as === 'buried') {
      await outbox.resume(one.id, [all]);
      await outbox.bury(one.id, 'HTTP 404');
      this.#known(one).dead = true;
    } else if (as === 'put off') await outbox.defer(one.id, 'HTTP 503', 5_000);
    else if (as === 'later') await outbox.defer(one.id, 'HTTP 429', 5_000, false);
    else await this.#refuse(one, as === 'refused there' ? there : all, as === 'limited' ? 10_000 : REST_MS);
    this.#flying = this.#flying.filter(({ id }) => id !== one.id);
  }

  async #refuse({ id }: OwedCallback, of: PauseOf, restMs: number): Promise<void> {
    await this.#owing.outbox.pause(id, of, 'HTTP 401', restMs);
    await this.#owing.outbox.hold(id, of, 'HTTP 401');
  }

  async #replay(which: number): Promise<void> {
    const rows = this.#listed();
    const row = rows[which % Math.max(rows.length, 1)];
    if (row === undefined || row.status === 'pending') return;
    await this.#owing.outbox.replay(row.id);
    const text = [...this.#owed.keys()].find((one) => this.#ids.get(row.id) === one);
    const known = this.#owed.get(text ?? '');
    if (row.status !== 'dead' || text === undefined || known === undefined) return;
    this.#owed.delete(text);
    this.#owed.set(text, { ...known, dead: false });
  }

  async #reopen(): Promise<void> {
    await this.#owing.stage.reopen();
    this.#flying = [];
  }

  /** The texts of those that were ever taken, by their ids. */
  readonly #ids = new Map<string, string>();

  #known({ id, text }: OwedCallback): Known {
    this.#ids.set(id, text);
    const known = this.#owed.get(text);
    if (known === undefined) throw new Error(`${text} is owed no longer`);
    return known;
  }

  #check(): void {
    const rows = this.#listed();
    const naive = { pending: 0, paused: 0, dead: 0 };
    for (const { status } of rows) naive[status] += 1;
    expect(this.#owing.outbox.counts()).toEqual(naive);
    expect(rows).toHaveLength(this.#owed.size);
    expect(naive.dead).toBe([...this.#owed.values()].filter(({ dead }) => dead).length);
    expect(rows.every(({ attempts }) => attempts >= 0)).toBe(true);
  }

  #listed() {
    return this.#owing.outbox.list({ limit: 500 }).callbacks;
  }
}

export function describeOutboxCounts(engine: EngineUnderTest): void {
  test('after any history the counts are those of the rows, and everything arrives once, in its order', async () => {
    const steps = fc.array(STEPS, { minLength: 10, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (history) => {
        const owing = await Owing.open(engine);
        const outbox = new History(owing);
        for (const step of history) await outbox.step(step);
        await outbox.finish();
      }),
      { numRuns: 25, seed: 7, endOnFailure: false },
    );
  });
}
