/** A client of a stream of Server-Sent Events, on a connection of its own. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { onTestFinished } from 'vitest';
import { eventually } from './eventually.ts';

export interface Options {
  headers?: Record<string, string>;
  /** What the last message of an earlier stream had as its id. */
  after?: number | string;
  /** Nothing is read but the head, until `read` is called. */
  idle?: true;
}

export class SseClient {
  readonly response: IncomingMessage;
  readonly messages: EventSourceMessage[] = [];
  readonly comments: string[] = [];
  readonly retries: number[] = [];
  /** What it would name if it came back now. */
  lastEventId: string | null = null;
  /** `ended`: as it should; `cut`: in the midst. */
  end: 'ended' | 'cut' | null = null;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.on('error', () => {});
    response.once('close', () => {
      this.end = response.complete ? 'ended' : 'cut';
    });
  }

  /** Reads what has come and what comes. */
  read(): void {
    const parser = createParser({
      onEvent: (message) => this.messages.push(message),
      onComment: (comment) => this.comments.push(comment.trim()),
      onId: (id) => {
        this.lastEventId = id;
      },
      onRetry: (retry) => this.retries.push(retry),
      onError: (error) => {
        throw error;
      },
    });
    this.response.setEncoding('utf8').on('data', (text: string) => parser.feed(text));
  }

  /** Resolves with the head of the answer; it is hung up at the end of the test. */
  static async open(url: string, { headers = {}, after, idle }: Options = {}): Promise<SseClient> {
    const resume = after === undefined ? {} : { 'Last-Event-ID': String(after) };
    const request = get(url, { agent: false, headers: { ...headers, ...resume } });
    onTestFinished(() => void request.on('error', () => {}).destroy());
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    const client = new SseClient(response);
    if (!idle) client.read();
    return client;
  }

  /** Resolves when so many messages have come. */
  async has(count: number): Promise<EventSourceMessage[]> {
    await eventually(`${count} messages`, () => this.messages.length >= count);
    return this.messages;
  }

  get ids(): number[] {
    return this.messages.map(({ id }) => Number(id));
  }

  get names(): (string | undefined)[] {
    return this.messages.map(({ event }) => event);
  }

  get data(): ReturnType<typeof JSON.parse>[] {
    return this.messages.map(({ data }) => JSON.parse(data));
  }

  /** Resolves when the server has ended it, or something on the way. */
  async over(): Promise<'ended' | 'cut'> {
    return eventually('the end of a stream', () => this.end);
  }

  hangUp(): void {
    this.response.destroy();
  }
}
