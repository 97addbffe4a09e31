import type { ServerResponse } from 'node:http';
import type { Patience } from '../queue/index.ts';
import type { RouteDeps } from './deps.ts';

/**
 * Runs `wait` with a patience that ends when `ms` have passed, when the client hangs up, when the service stops, or with
 * one of `others`; nothing of it is left when `wait` is done.
 */
export async function withPatience<T>(
  { clock, stopping }: Pick<RouteDeps, 'clock' | 'stopping'>,
  response: ServerResponse,
  ms: number,
  wait: (patience: Patience) => Promise<T>,
  others: readonly AbortSignal[] = [],
): Promise<T> {
  const patience = new ClientPatience({ clock, response, ms, signals: [stopping, ...others] });
  try {
    return await wait(patience);
  } finally {
    patience.rest();
  }
}

interface Limits {
  clock: RouteDeps['clock'];
  response: ServerResponse;
  /** Counted from when somebody listens. */
  ms: number;
  signals: readonly AbortSignal[];
}

type Listener = Parameters<Patience['addEventListener']>[1];

/**
 * Watches nothing before somebody listens, since most polls under load are answered before they park: a timer and three
 * listeners took 30 µs of each.
 */
class ClientPatience implements Patience {
  readonly #limits: Limits;
  #listener: Listener | null = null;
  #isOver = false;
  #rest = () => {};

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  get aborted(): boolean {
    const { response, ms, signals } = this.#limits;
    return this.#isOver || ms === 0 || response.destroyed || signals.some((signal) => signal.aborted);
  }

  addEventListener(_type: 'abort', listener: Listener): void {
    this.#listener = listener;
    this.#watch();
  }

  removeEventListener(): void {
    this.rest();
  }

  /** Nobody listens any more. */
  rest(): void {
    this.#listener = null;
    this.#rest();
    this.#rest = () => {};
  }

  #watch(): void {
    this.#rest();
    const { clock, response, ms, signals } = this.#limits;
    const end = () => this.#end();
    const cancel = clock.after(ms, end);
    for (const signal of signals) signal.addEventListener('abort', end);
    response.on('close', end);
    this.#rest = () => {
      cancel();
      for (const signal of signals) signal.removeEventListener('abort', end);
      response.off('close', end);
    };
  }

  #end(): void {
    const listener = this.#listener;
    this.#isOver = true;
    this.rest();
    if (typeof listener === 'function') listener();
    else listener?.handleEvent();
  }
}
