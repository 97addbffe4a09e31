/** One client: takes request after request, each with what has to be there before. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Exchange } from './connection.ts';
import { type Ask, type Binding, prepare, UNBOUND } from './errands.ts';
import type { Ledger } from './ledger.ts';
import { JSON_TYPE } from './requests.ts';
import { bytesOf, type Shot } from './shot.ts';
import type { Stage } from './stage.ts';

/** A process that ends takes a moment until it has ended. */
const LAST_WORDS_MS = 100;
const ANSWER_MS = 60_000;

export interface Fired {
  exchange: Exchange;
  binding: Binding;
  /** The Task API ended meanwhile: the exchange says nothing. */
  crashed: boolean;
  /** What it needed could not be had. */
  problem: string | null;
  /** The request that went over the same connection before it; null where it was the first. */
  after: number | null;
}

export class Lane {
  readonly #stage: Stage;
  readonly #ledger: Ledger;
  #kept: Connection;
  #port: number;
  #last: number | null = null;

  constructor(stage: Stage, ledger: Ledger) {
    this.#stage = stage;
    this.#ledger = ledger;
    this.#port = stage.port;
    this.#kept = new Connection(stage.port);
  }

  async fire(shot: Shot): Promise<Fired> {
    await this.#stage.up();
    this.#renew();
    const crashes = this.#stage.crashes.length;
    const after = shot.whole ? this.#last : null;
    let binding = UNBOUND;
    let problem: string | null = null;
    let exchange: Exchange = { answers: [], garbled: false, end: 'closed' };
    try {
      binding = await prepare(shot.need, this.#ask, `errand-${shot.index}`);
      exchange = await this.#send(shot, binding);
    } catch (error) {
      problem = (error as Error).message;
    }
    if (exchange.end === 'closed') await sleep(LAST_WORDS_MS);
    if (shot.last) this.#kept.hangUp();
    if (shot.whole) this.#last = shot.last ? null : shot.index;
    return { exchange, binding, problem, after, crashed: this.#stage.crashes.length > crashes };
  }

  close(): void {
    this.#kept.hangUp();
  }

  /** What may leave a connection in disorder gets one of its own. */
  async #send(shot: Shot, binding: Binding): Promise<Exchange> {
    if (shot.whole) return this.#kept.exchange(shot.sending(binding));
    const own = new Connection(this.#port);
    try {
      return await own.exchange(shot.sending(binding));
    } finally {
      own.hangUp();
    }
  }

  readonly #ask: Ask = async (method, path, body) => {
    const content = body === undefined ? undefined : JSON.stringify(body);
    const request = { method, path, headers: content === undefined ? [] : [JSON_TYPE], body: content };
    const pieces = [{ bytes: bytesOf(request, UNBOUND), after: 0 }];
    const { answers } = await this.#kept.exchange({ pieces, answers: 1, isHead: false, patience: ANSWER_MS });
    const [answer] = answers;
    if (answer === undefined) throw new Error(`an errand got no answer: ${method} ${path}`);
    this.#ledger.acknowledged(answer.status, answer.json);
    return { status: answer.status, body: answer.json };
  };

  /** After a restart it serves elsewhere. */
  #renew(): void {
    if (this.#port === this.#stage.port) return;
    this.#kept.hangUp();
    this.#port = this.#stage.port;
    this.#kept = new Connection(this.#port);
  }
}
