import { AppError } from '../errors.ts';
import { isFinal, type OutputChunk, type OutputPage, type TaskQueue } from '../queue/index.ts';
import { type Call, type Handler, parse, parseQuery } from './call.ts';
import { eventStreamHeaders, type Gap } from './contract/events.ts';
import { type OutputMessage, outputBody, outputQuery } from './contract/output.ts';
import type { RouteDeps } from './deps.ts';
import { gapMessage, message, type Stream, type Streams } from './sse.ts';
import { Turns } from './turns.ts';

/** Whoever follows the output of a task. Nothing is kept for it but its place. */
interface Reader {
  readonly taskId: string;
  readonly stream: Stream;
  /** Bytes of the task's output that it has. */
  position: number;
  /** Its connection has not taken yet what it was given. */
  busy: boolean;
  /** It was told that this is the end. */
  done: boolean;
}

/** Live output: `POST /worker/output` brings it, `GET /tasks/:taskId/output` streams it, also after the end. */
export function outputHandlers({ queue, log }: RouteDeps, streams: Streams) {
  const readers = new OutputReaders(queue, (error) => log.debug({ err: error }, 'a stream of output ended'));
  return {
    append: (async ({ body }) => {
      const { leaseId, ...chunk } = parse(outputBody, body);
      await queue.output.append(leaseId, chunk);
      return { success: true };
    }) satisfies Handler,

    follow: ((call) => {
      const { taskId } = call;
      const position = positionOf(call);
      if (queue.output.read(taskId, position) === undefined)
        throw new AppError('not_found', 'Task not found');
      return streams.answer(call, (stream) => readers.add(taskId, stream, position));
    }) satisfies Handler,
  };
}

function positionOf({ search, lastEventId: header }: Call): number {
  const headers = header === undefined ? {} : { 'Last-Event-ID': header };
  const { 'Last-Event-ID': asked } = parse(eventStreamHeaders, headers);
  return asked ?? parseQuery(outputQuery, search).lastEventId ?? 0;
}

/** All readers of output. Each reads pages from the disk, a page in a turn of the event loop, when there is news. */
class OutputReaders {
  readonly #queue: TaskQueue;
  readonly #failed: (error: unknown) => void;
  readonly #readers = new Map<string, Set<Reader>>();
  readonly #turns = new Turns<Reader>((reader) => this.#readFor(reader));

  constructor(queue: TaskQueue, failed: (error: unknown) => void) {
    this.#queue = queue;
    this.#failed = failed;
    queue.output.subscribe((taskId) => this.#wake(taskId));
    queue.subscribe(({ taskId }) => taskId !== null && this.#wake(taskId));
  }

  add(taskId: string, stream: Stream, position: number): void {
    const reader: Reader = { taskId, stream, position, busy: false, done: false };
    const others = this.#readers.get(taskId) ?? new Set();
    this.#readers.set(taskId, others.add(reader));
    stream.onTaken = () => this.#taken(reader);
    stream.onEnd = () => this.#remove(reader, others);
    this.#turns.add(reader);
  }

  #remove(reader: Reader, others: Set<Reader>): void {
    this.#turns.remove(reader);
    others.delete(reader);
    if (others.size === 0) this.#readers.delete(reader.taskId);
  }

  #wake(taskId: string): void {
    for (const reader of this.#readers.get(taskId) ?? []) if (!reader.busy) this.#turns.add(reader);
  }

  #taken(reader: Reader): void {
    reader.busy = false;
    if (reader.done) reader.stream.end();
    else this.#turns.add(reader);
  }

  /** What can't be read, or is forgotten by now, ends the stream: its client comes back and hears why. */
  #readFor(reader: Reader): void {
    if (reader.done) return;
    try {
      const page = this.#queue.output.read(reader.taskId, reader.position);
      if (page === undefined) reader.stream.end();
      else this.#write(reader, page);
    } catch (error) {
      this.#failed(error);
      reader.stream.end();
    }
  }

  #write(reader: Reader, page: OutputPage): void {
    const frames: Buffer[] = [];
    const gap = gapBefore(reader.position, page);
    if (gap !== null) {
      reader.position = gap.reason === 'trimmed' ? gap.to : page.last;
      frames.push(gapMessage(reader.position, gap));
    }
    frames.push(...page.chunks.map(frameOf));
    reader.position = page.chunks.at(-1)?.endsAt ?? reader.position;
    reader.done = isFinal(page.status) && reader.position >= page.last;
    if (reader.done) frames.push(endMessage(reader, page));
    if (frames.length === 0) return;
    reader.busy = !reader.stream.write(Buffer.concat(frames));
    if (!reader.busy) this.#taken(reader);
  }
}

function gapBefore(position: number, { first, last }: OutputPage): Gap | null {
  if (position > last) return { from: last, to: position, reason: 'unknown' };
  return position < first ? { from: position, to: first, reason: 'trimmed' } : null;
}

function frameOf({ endsAt, ...data }: OutputChunk): Buffer {
  return message({ id: endsAt, name: data.stream, data: data satisfies OutputMessage });
}

function endMessage({ taskId, position }: Reader, { status }: OutputPage): Buffer {
  return message({ id: position, name: 'end', data: { taskId, status } });
}
