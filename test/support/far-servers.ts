/** What the tests of delivery need to know of each kind of far server, to go through all of them alike. */
import type { CallbackKind, CallbackTarget } from '../../src/destination.ts';
import type { FakeServers } from './callback-sinks.ts';
import type { Fate } from './fake-chat.ts';

export interface FarServer {
  /** Where callbacks of the tests go. */
  callback: Pick<CallbackTarget, 'kind' | 'target'>;
  /** How long a sink waits for its answer. */
  timeoutMs: number;
  /** A second message of the same id is the first one to it. */
  knowsIds: boolean;
  /** How many pieces a long text is sent in. */
  isCut: boolean;
  /** The next requests fare like this. */
  next(...fates: Fate[]): void;
  received(count: number): Promise<void>;
  release(): void;
  requests(): number;
  /** What a reader sees, oldest first. */
  seen(): string[];
  /** The text of each request, taken or not. */
  tried(): string[];
}

const CONVERSATION = 'telegram:777';

const DELIVER: Record<
  CallbackKind,
  (fakes: FakeServers) => Omit<FarServer, 'received' | 'release' | 'next'>
> = {
  discord: ({ discord }) => ({
    callback: { kind: 'discord', target: '1' },
    timeoutMs: 15_000,
    knowsIds: true,
    isCut: true,
    requests: () => discord.requests.length,
    seen: () => discord.channel('1'),
    tried: () => discord.requests.map(({ body }) => String(body.content)),
  }),
  telegram: ({ telegram }) => ({
    callback: { kind: 'telegram', target: '777' },
    timeoutMs: 15_000,
    knowsIds: false,
    isCut: true,
    requests: () => telegram.requests.length,
    seen: () => telegram.channel('777'),
    tried: () => telegram.requests.map(({ body }) => String(body.text)),
  }),
  slack: ({ slack }) => ({
    callback: { kind: 'slack', target: 'C1' },
    timeoutMs: 15_000,
    knowsIds: false,
    isCut: true,
    requests: () => slack.requests.length,
    seen: () => slack.channel('C1'),
    tried: () => slack.requests.map(({ body }) => String(body.text)),
  }),
  webhook: ({ webhook }) => ({
    callback: { kind: 'webhook', target: webhook.url },
    timeoutMs: 20_000,
    knowsIds: true,
    isCut: false,
    requests: () => webhook.requests.length,
    seen: () => webhook.taken.map(textOf),
    tried: () => webhook.requests.map(({ text }) => textOf(JSON.parse(text))),
  }),
  hook: ({ gateway }) => ({
    callback: { kind: 'hook', target: CONVERSATION },
    timeoutMs: 120_000,
    knowsIds: true,
    isCut: false,
    requests: () => gateway.requests.length,
    seen: () => gateway.hooks.conversation(CONVERSATION),
    tried: () => gateway.requests.map(({ body }) => String(body.message)),
  }),
};

export function farServer(kind: CallbackKind, fakes: FakeServers): FarServer {
  const fake = kind === 'hook' ? fakes.gateway : fakes[kind];
  return {
    ...DELIVER[kind](fakes),
    next: (...fates) => fake.next(...fates),
    received: (count) => fake.received(count),
    release: () => fake.release(),
  };
}

/** The output in the body of a webhook. */
function textOf(body: unknown): string {
  return (body as { data: { result: { stdout: string } } }).data.result.stdout;
}
