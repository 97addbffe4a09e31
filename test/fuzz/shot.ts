/** One request of the run: what goes out, and what may come of it. */
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import type { Piece, Sending } from './connection.ts';
import { type Binding, bind } from './errands.ts';
import type { Need } from './examples.ts';
import type { Random } from './random.ts';
import type { Request } from './requests.ts';
import type { Target } from './route-table.ts';

export const TOKEN = 'the-token-of-the-fuzz-run-0123456789';
export const RIGHT = ['Authorization', `Bearer ${TOKEN}`] as const;

/** Answers come within this time, however busy the machine: it ends a hang. */
export const ANSWER_MS = 30_000;

/** What makes a shot, of its own seed. */
export interface Loading {
  random: Random;
  marker: string;
  target: Target;
  /** The same for every shot; each picks its `target` from these unless it says otherwise. */
  targets: readonly Target[];
}

export interface Draft {
  /** Method and path, for people. */
  name: string;
  target: Target;
  need?: Need | undefined;
  /** False: without the right token; nothing may be done. */
  authorized: boolean;
  /** `accepted`: 2xx; `refused`: 4xx. */
  expect: 'accepted' | 'refused' | 'any';
  /** It is one whole request, so that one answer must come. */
  whole: boolean;
  /** Its connection is not used again: what it says about the connection may count for the next request as well. */
  last?: boolean;
  sending(binding: Binding): Sending;
}

export interface Shot extends Draft {
  index: number;
  kind: string;
  marker: string;
}

export const MARKER = /fuzz-(\d+)-(\d+)-/g;

export function markerOf(seed: number, index: number): string {
  return `fuzz-${seed}-${index}-`;
}

export const ENCODINGS = { gzip: gzipSync, deflate: deflateSync, br: brotliCompressSync } as const;

export interface Dressing {
  /** In place of the right token's header. */
  auth?: readonly (readonly [string, string])[];
  encoding?: keyof typeof ENCODINGS | undefined;
  chunked?: boolean;
  /** Milliseconds between pieces of the request. */
  drip?: { pieces: number; pauseMs: number };
}

/** A well-formed request on a kept connection, whose one answer is waited for. */
export function whole(
  loading: Loading,
  request: Request,
  more: Pick<Draft, 'expect'> &
    Partial<Pick<Draft, 'need' | 'authorized' | 'name' | 'last'>> & {
      dressing?: Dressing;
      patience?: number;
    },
): Draft {
  const { dressing = {}, patience, ...rest } = more;
  return {
    name: `${request.method} ${request.path}`,
    target: loading.target,
    authorized: true,
    ...rest,
    // One that may wait for long is hung up on, which is an attack of its own.
    whole: patience === undefined,
    sending: (binding) => ({
      pieces: dripped(bytesOf(request, binding, dressing), dressing.drip),
      answers: 1,
      isHead: request.method === 'HEAD',
      patience: patience ?? ANSWER_MS,
    }),
  };
}

/** Bytes that may be anything, on a connection that nobody else uses afterwards. */
export function rough(
  loading: Loading,
  name: string,
  sending: (binding: Binding) => Partial<Sending> & Pick<Sending, 'pieces'>,
  more: Partial<Pick<Draft, 'need' | 'authorized' | 'expect'>> = {},
): Draft {
  return {
    name,
    target: loading.target,
    authorized: true,
    expect: 'any',
    ...more,
    whole: false,
    sending: (binding) => ({
      answers: Number.POSITIVE_INFINITY,
      isHead: false,
      patience: 60,
      ...sending(binding),
    }),
  };
}

export function bytesOf(request: Request, binding: Binding, dressing: Dressing = {}): Buffer {
  const body = bodyOf(request, binding, dressing);
  const given = new Set(request.headers.map(([name]) => name.toLowerCase()));
  const ours: (readonly [string, string])[] = [
    ...(given.has('host') ? [] : [['Host', '127.0.0.1'] as const]),
    ...(dressing.auth ?? [RIGHT]),
    ...(dressing.encoding === undefined ? [] : [['Content-Encoding', dressing.encoding] as const]),
  ];
  const length = dressing.chunked
    ? [['Transfer-Encoding', 'chunked'] as const]
    : body !== undefined && !given.has('content-length')
      ? [['Content-Length', String(body.length)] as const]
      : [];
  const lines = [...ours, ...request.headers, ...length].map(([name, value]) => `${name}: ${value}\r\n`);
  const head = bind(`${request.method} ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n`, binding);
  const sent = body === undefined ? [] : dressing.chunked ? chunksOf(body) : [body];
  return Buffer.concat([Buffer.from(head, 'latin1'), ...sent]);
}

function bodyOf({ body }: Request, binding: Binding, { encoding }: Dressing): Buffer | undefined {
  if (body === undefined) return undefined;
  const bytes = typeof body === 'string' ? Buffer.from(bind(body, binding)) : body;
  return encoding === undefined ? bytes : ENCODINGS[encoding](bytes);
}

function chunksOf(body: Buffer): Buffer[] {
  const size = Math.max(1, Math.ceil(body.length / 3));
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const chunk = body.subarray(at, at + size);
    chunks.push(Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n'));
  }
  return [...chunks, Buffer.from('0\r\n\r\n')];
}

export function dripped(bytes: Buffer, drip: Dressing['drip']): Piece[] {
  if (drip === undefined) return [{ bytes, after: 0 }];
  const size = Math.max(1, Math.ceil(bytes.length / drip.pieces));
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; at += size)
    pieces.push({ bytes: bytes.subarray(at, at + size), after: at === 0 ? 0 : drip.pauseMs });
  return pieces;
}
