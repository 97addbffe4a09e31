/** Sends bytes over a real socket, as slowly and as rudely as is asked, and reads what comes back. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, AnswerReader } from './answers.ts';

export interface Piece {
  bytes: Buffer;
  /** Milliseconds to wait before it. */
  after: number;
}

export interface Sending {
  pieces: readonly Piece[];
  /** So many answers, and the exchange is over. */
  answers: number;
  isHead: boolean;
  /** Milliseconds after the last piece, then we hang up. */
  patience: number;
  /** `fin`: we say after the last piece that no more comes. `reset`: we hang up rudely. */
  ending?: 'fin' | 'reset';
}

export interface Exchange {
  answers: readonly Answer[];
  garbled: boolean;
  /** `cut`: we hung up; `closed`: the server did. */
  end: 'answered' | 'cut' | 'closed';
}

/** One client: keeps its connection as long as both sides like it. */
export class Connection {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  async exchange(sending: Sending): Promise<Exchange> {
    const socket = await this.#open();
    if (socket === undefined) return { answers: [], garbled: false, end: 'closed' };
    const reader = new AnswerReader(sending.isHead);
    const end = await converse(socket, reader, sending);
    const { answers, garbled } = reader;
    const keeps = end === 'answered' && !reader.midway && answers.at(-1)?.headers.connection !== 'close';
    if (!keeps || sending.ending !== undefined) this.hangUp(sending.ending === 'reset');
    return { answers, garbled, end };
  }

  hangUp(rudely = false): void {
    if (rudely) this.#socket?.resetAndDestroy();
    else this.#socket?.destroy();
    this.#socket = undefined;
  }

  async #open(): Promise<Socket | undefined> {
    if (this.#socket !== undefined && !this.#socket.destroyed && this.#socket.writable) return this.#socket;
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    socket.on('error', () => {});
    this.#socket = socket;
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      return undefined;
    }
  }
}

function converse(socket: Socket, reader: AnswerReader, sending: Sending): Promise<Exchange['end']> {
  const { promise, resolve } = Promise.withResolvers<Exchange['end']>();
  let timer: NodeJS.Timeout | undefined;
  const onData = (bytes: Buffer) => {
    reader.push(bytes);
    if (reader.garbled) resolve('cut');
    if (reader.answers.length >= sending.answers) resolve('answered');
  };
  const onClose = () => resolve('closed');
  socket.on('data', onData).once('close', onClose).once('end', onClose);
  void send(socket, sending).then(() => {
    timer = setTimeout(() => resolve('cut'), sending.patience);
  });
  return promise.finally(() => {
    clearTimeout(timer);
    socket.off('data', onData).off('close', onClose).off('end', onClose);
  });
}

/** Stops early when nobody listens any more. */
async function send(socket: Socket, { pieces, ending }: Sending): Promise<void> {
  for (const { bytes, after } of pieces) {
    if (after > 0) await sleep(after);
    if (!socket.writable) return;
    socket.write(bytes);
  }
  if (ending === 'fin') socket.end();
}
