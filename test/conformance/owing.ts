/** A stage whose tasks owe callbacks, with short words for what a dispatcher does about them. */
import type {
  CallbackKind,
  CallbackState,
  CallbackTarget,
  Event,
  NewMessage,
  Outbox,
  OutboxRoom,
  OwedCallback,
  PauseOf,
} from '../../src/queue/index.ts';
import { aCallback, aCommand, roomFor, telling } from '../support/queue.ts';
import type { EngineSettings, EngineUnderTest } from './engine.ts';
import { aRunner, Stage } from './stage.ts';

const RUNNER = aRunner('A');
/** How long what was refused rests. */
export const REST_MS = 15 * 60_000;

export class Owing {
  readonly stage: Stage;

  private constructor(stage: Stage) {
    this.stage = stage;
  }

  /** Tasks owe their output, as it is. */
  static async open(engine: EngineUnderTest, settings: Partial<EngineSettings> = {}): Promise<Owing> {
    const composeCallback = telling(({ result }) => result?.stdout ?? 'started');
    return new Owing(await Stage.open(engine, { composeCallback, ...settings }));
  }

  get outbox(): Outbox {
    return this.stage.queue.outbox;
  }

  /** A task that ended with `stdout`, owed to its callback; the id of the task. */
  async owe(stdout: string, change: Partial<CallbackTarget> = {}): Promise<string> {
    const callback = aCallback(change);
    return (await this.stage.run(RUNNER, aCommand({ callback }), { stdout })).id;
  }

  async oweAll(texts: readonly string[], change: Partial<CallbackTarget> = {}): Promise<void> {
    for (const text of texts) await this.owe(text, change);
  }

  /** Streams of so many destinations, named by their number: all of them owed by one task. */
  async oweMany(count: number, of: Partial<CallbackTarget> = {}): Promise<void> {
    await this.owe(`MANY ${count}`, of);
  }

  /** What is due, and goes out now. */
  take(room: OutboxRoom = roomFor(10_000)): Promise<OwedCallback[]> {
    return this.outbox.take(room);
  }

  /** The next one, which must be there. */
  async takeOne(): Promise<OwedCallback> {
    const [owed] = await this.take(roomFor(1));
    if (owed === undefined) throw new Error('no callback is due');
    return owed;
  }

  async texts(room?: OutboxRoom): Promise<string[]> {
    return (await this.take(room)).map(({ text }) => text);
  }

  /** Takes the next one, which learns that `of` is refused, and waits. */
  async refuse(of: PauseOf, error = 'HTTP 401', probeMs = REST_MS): Promise<OwedCallback> {
    const owed = await this.takeOne();
    await this.outbox.pause(owed.id, of, error, probeMs);
    await this.outbox.hold(owed.id, of, error);
    return owed;
  }

  /** The only callback of a task as operators see it. */
  shown(taskId: string): CallbackState {
    const [state, ...others] = this.outbox.list({ taskId, limit: 10 }).callbacks;
    if (state === undefined || others.length > 0) throw new Error('there is not exactly one');
    return state;
  }

  /** What is owed of a task, in memory of its id alone. */
  idOf(taskId: string): string {
    return this.shown(taskId).id;
  }

  /** The events of callbacks, oldest first. */
  events(type?: string): Event[] {
    const all = this.stage.queue.events.list({ limit: 500 }).reverse();
    return all.filter((event) =>
      type === undefined ? event.type.startsWith('callback.') : event.type === type,
    );
  }

  /** Counts how often a dispatcher is told from now on. */
  listen(): () => number {
    let calls = 0;
    this.outbox.onDue(() => {
      calls += 1;
    });
    return () => calls;
  }

  /** Delivers all that is due, and what becomes due by that, in rounds; the texts in their order. */
  async deliverAll(room?: OutboxRoom): Promise<string[]> {
    const texts: string[] = [];
    for (let taken = await this.take(room); taken.length > 0; taken = await this.take(room)) {
      for (const { id, text } of taken) {
        texts.push(text);
        await this.outbox.sent(id);
      }
    }
    return texts;
  }
}

/** All destinations of a credential; Discord's of the environment unless told. */
export function credential(token: string | null = null, kind: CallbackKind = 'discord'): PauseOf {
  return { kind, token, target: null };
}

export function destination(
  target: string,
  token: string | null = null,
  kind: CallbackKind = 'discord',
): PauseOf {
  return { kind, token, target };
}

/** For `composeCallback`: a task whose output is `MANY <count>` owes so many messages, to targets of their own. */
export const oweingMany: EngineSettings['composeCallback'] = ({ callback, result }) => {
  const { on: _moments, ...to } = callback;
  const count = Number(/^MANY (\d+)$/.exec(result?.stdout ?? '')?.[1] ?? 0);
  if (count === 0) return [{ ...to, text: result?.stdout ?? '', chunks: 1 }];
  const one = (n: number): NewMessage => ({ ...to, target: `${to.target}-${n}`, text: `${n}`, chunks: 1 });
  return Array.from({ length: count }, (_, n) => one(n));
};
