import { hookTargetFor } from '../hook-target.ts';
import type { OwedCallback, PauseOf } from '../queue/index.ts';
import { type Delivery, messageOf, piecesOf, type Sink } from './sink.ts';

/** An OpenClaw gateway that carries what goes to a chat, before the chat's own API is asked. */
export class HookFirst {
  /** Its credential, the environment's own. */
  readonly pauseOf: PauseOf = { kind: 'hook', token: null, target: null };
  readonly resting = {
    kind: 'forbidden',
    scope: 'credential',
    error: 'waits for the OpenClaw hook, which has refused us',
  } as const;
  readonly #sink: Sink;
  readonly #path: string | null;

  /** `path`: the name of a mapping of the gateway, which takes our own JSON; null for `/hooks/agent`. */
  constructor(sink: Sink, path: string | null) {
    this.#sink = sink;
    this.#path = path;
  }

  isFor(row: OwedCallback): boolean {
    // A part of it that went by the chat's own API would be there twice.
    return !row.fellBack && row.chunksSent === 0 && hookTargetFor(row, this.#path) !== null;
  }

  send(row: OwedCallback, signal: AbortSignal): Promise<Delivery> {
    const [content = ''] = piecesOf(this.#sink, row.text, row.taskId);
    const target = hookTargetFor(row, this.#path) ?? row.target;
    return this.#sink.send({ ...messageOf(row, { chunk: 0, token: null, content }), target }, signal);
  }
}
