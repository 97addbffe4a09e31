/** A client whose every request comes from a loopback address of its own, so that a trace tells one from the other. */
import { once } from 'node:events';
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Operation } from './acknowledgements.ts';

export type Json = Record<string, unknown>;

export interface Details {
  /** Texts that only the rows of this operation hold, told by its answer. */
  rowsOf?: (answer: Json) => string[];
  headers?: Record<string, string>;
  /** Its body is sent with those of the others there. */
  start?: StartLine;
}

/** Lets several requests go at once: the Task API reads them in one turn, and commits them together. */
export class StartLine {
  readonly #open = Promise.withResolvers<void>();
  #missing: number;

  constructor(count: number) {
    this.#missing = count;
  }

  /** Resolves when all have arrived. */
  arrive(): Promise<void> {
    if (--this.#missing === 0) this.#open.resolve();
    return this.#open.promise;
  }
}

export class Client {
  readonly operations: Operation[] = [];
  readonly url: string;
  readonly #token: string;
  #requests = 0;

  constructor(url: string, token: string) {
    this.url = url;
    this.#token = token;
  }

  async get(path: string, details: Details = {}): Promise<Json> {
    const call = this.#request('GET', path, details);
    call.end();
    return this.#answer(call, details);
  }

  async post(path: string, body: object, details: Details = {}): Promise<Json> {
    const call = this.#request('POST', path, details);
    call.flushHeaders();
    const answer = this.#answer(call, details);
    if (details.start !== undefined) {
      await Promise.race([once(call, 'continue'), answer]);
      await details.start.arrive();
    }
    call.end(JSON.stringify(body));
    return answer;
  }

  #request(method: string, path: string, { headers, start }: Details): ClientRequest {
    const usual = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' };
    const waiting = start === undefined ? {} : { expect: '100-continue' };
    return request(this.url + path, {
      method,
      agent: false,
      localAddress: loopbackAddress(++this.#requests),
      headers: { ...usual, ...waiting, ...headers },
    });
  }

  async #answer(call: ClientRequest, { rowsOf = () => [] }: Details): Promise<Json> {
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const peer = response.socket.localAddress ?? '';
    let text = '';
    for await (const chunk of response.setEncoding('utf8')) text += chunk;
    const name = `${call.method} ${call.path.replace(/\?.*/, '').replace(/[0-9a-f-]{36}/, ':id')}`;
    const answer = JSON.parse(text) as Json;
    // Another round was there first: nothing is promised.
    if (response.statusCode === 409) return answer;
    if (response.statusCode !== 200) throw new Error(`${name} was answered ${response.statusCode}: ${text}`);
    this.operations.push({ name, peer, rows: rowsOf(answer) });
    return answer;
  }
}

/** Ports are soon used again, these are not: 127.1.0.1 and on. */
function loopbackAddress(number: number): string {
  return [127, 1 + (number >> 16), (number >> 8) & 255, number & 255].join('.');
}
