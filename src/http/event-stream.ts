import type { Event, EventLog, TaskQueue } from '../queue/index.ts';
import { type Call, type Handler, parse, parseQuery } from './call.ts';
import { eventStreamHeaders, eventStreamQuery, type Gap } from './contract/events.ts';
import type { RouteDeps } from './deps.ts';
import { gapMessage, message, placeMessage, type Stream, type Streams } from './sse.ts';
import { Turns } from './turns.ts';

/** Events that are read from the log at once. */
const PAGE = 200;

interface Filter {
  taskId?: string;
  type?: string;
}

/** Whoever follows the events. Nothing is kept for it: what it missed while it was busy is read from the log again. */
interface Reader {
  readonly stream: Stream;
  readonly filter: Filter;
  /** The `seq` up to which it has got everything that it asked for. */
  position: number;
  /** It has everything: the next event is for it. Else it reads the log. */
  live: boolean;
}

/** `GET /events/stream`: what follows on the last message that the client got, or on this moment. */
export function eventStreamHandler({ queue, log }: RouteDeps, streams: Streams): Handler {
  const readers = new EventReaders(queue, (error) => log.debug({ err: error }, 'a stream of events ended'));
  return (call) => {
    const { lastEventId, ...filter } = asked(call);
    // Read before the head is sent, so that what can't be read is an answer of its own.
    const { last } = queue.events.span();
    return streams.answer(call, (stream) => {
      if (lastEventId === undefined) stream.write(placeMessage(last), last);
      readers.add(stream, filter, lastEventId ?? last);
    });
  };
}

function asked({ search, lastEventId: header }: Call): Filter & { lastEventId?: number } {
  const headers = header === undefined ? {} : { 'Last-Event-ID': header };
  const { 'Last-Event-ID': lastEventId } = parse(eventStreamHeaders, headers);
  return { ...parseQuery(eventStreamQuery, search), ...(lastEventId !== undefined && { lastEventId }) };
}

/** One listener of the queue for all of them; the events of a commit are written out once, however many read. */
export class EventReaders {
  readonly #events: EventLog;
  readonly #failed: (error: unknown) => void;
  readonly #readers = new Set<Reader>();
  /** Who reads the log, a page in each turn. */
  readonly #behind = new Turns<Reader>((reader) => this.#readFor(reader));
  #committed: Event[] = [];

  constructor(queue: TaskQueue, failed: (error: unknown) => void) {
    this.#events = queue.events;
    this.#failed = failed;
    queue.subscribe((event) => this.#hear(event));
  }

  add(stream: Stream, filter: Filter, position: number): void {
    const reader: Reader = { stream, filter, position, live: false };
    this.#readers.add(reader);
    stream.onTaken = () => this.#behind.add(reader);
    stream.onEnd = () => {
      this.#readers.delete(reader);
      this.#behind.remove(reader);
    };
    this.#behind.add(reader);
  }

  /** The events of a commit come one after the other, in one go: nobody reads the log before they are told. */
  #hear(event: Event): void {
    if (this.#readers.size === 0) return;
    if (this.#committed.length === 0) queueMicrotask(() => this.#tell());
    this.#committed.push(event);
  }

  #tell(): void {
    const frames = this.#committed.map((event) => ({ event, bytes: frameOf(event) }));
    this.#committed = [];
    const all = Buffer.concat(frames.map(({ bytes }) => bytes));
    const last = frames.at(-1)?.event.seq ?? 0;
    for (const reader of this.#readers) {
      if (!reader.live) continue;
      const wanted = frames.filter(({ event }) => isFor(reader.filter, event));
      reader.position = last;
      const bytes = wanted.length === frames.length ? all : Buffer.concat(wanted.map(({ bytes }) => bytes));
      reader.live = reader.stream.write(bytes, last);
    }
  }

  /** What can't be read ends the stream: its client comes back. */
  #readFor(reader: Reader): void {
    try {
      this.#readPage(reader);
    } catch (error) {
      this.#failed(error);
      reader.stream.end();
    }
  }

  #readPage(reader: Reader): void {
    const frames: Buffer[] = [];
    const { last, gap } = this.#gapBefore(reader);
    if (gap !== null) {
      reader.position = gap.reason === 'trimmed' ? gap.to : last;
      frames.push(gapMessage(reader.position, gap));
    }
    const page = this.#events.after(reader.position, { ...reader.filter, limit: PAGE });
    const end = page.at(-1);
    reader.position = end?.seq ?? last;
    reader.live = end === undefined;
    frames.push(...page.map(frameOf));
    const taken = reader.stream.write(Buffer.concat(frames), reader.position);
    if (!taken) reader.live = false;
    else if (!reader.live) this.#behind.add(reader);
  }

  #gapBefore({ position }: Reader): { last: number; gap: Gap | null } {
    const { first, last } = this.#events.span();
    if (position > last) return { last, gap: { from: last + 1, to: position, reason: 'unknown' } };
    if (position + 1 < first) return { last, gap: { from: position + 1, to: first - 1, reason: 'trimmed' } };
    return { last, gap: null };
  }
}

function isFor({ taskId, type }: Filter, event: Event): boolean {
  return (taskId === undefined || event.taskId === taskId) && (type === undefined || event.type === type);
}

function frameOf(event: Event): Buffer {
  return message({ id: event.seq, name: event.type, data: event });
}
