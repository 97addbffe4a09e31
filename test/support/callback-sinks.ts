/** One fake server for each kind of callback, and the real sinks that speak to them. */
import { HookFirst } from '../../src/callbacks/hook-first.ts';
import type { Sink } from '../../src/callbacks/sink.ts';
import { createDiscordSink } from '../../src/callbacks/sinks/discord.ts';
import { createHookSink } from '../../src/callbacks/sinks/hook.ts';
import { createSlackSink } from '../../src/callbacks/sinks/slack.ts';
import { createTelegramSink } from '../../src/callbacks/sinks/telegram.ts';
import { createWebhookSink } from '../../src/callbacks/sinks/webhook.ts';
import type { Clock } from '../../src/clock.ts';
import type { CallbackKind } from '../../src/destination.ts';
import { FakeDiscord } from './fake-discord.ts';
import { FakeGateway } from './fake-gateway.ts';
import { FakeSlack } from './fake-slack.ts';
import { FakeTelegram } from './fake-telegram.ts';
import { FakeWebhook } from './fake-webhook.ts';

/** The environment's own credentials. */
export const TOKENS = {
  discord: 'bot-token',
  telegram: '123456:telegram-token',
  slack: 'slack-token',
  webhook: `whsec_${Buffer.from('the secret of the tests, 32 bytes').toString('base64')}`,
  hook: 'hook-token',
};
export type Tokens = Record<CallbackKind, string | null>;

export interface FakeServers {
  discord: FakeDiscord;
  telegram: FakeTelegram;
  slack: FakeSlack;
  webhook: FakeWebhook;
  gateway: FakeGateway;
}

export async function startFakes(): Promise<FakeServers> {
  const [discord, telegram, slack, webhook, gateway] = await Promise.all([
    FakeDiscord.start(),
    FakeTelegram.start(),
    FakeSlack.start(),
    FakeWebhook.start(TOKENS.webhook),
    FakeGateway.start(TOKENS.hook),
  ]);
  return { discord, telegram, slack, webhook, gateway };
}

/** Where each of them listens; a process that is to be killed is told by JSON. */
export function baseUrlsOf({ discord, telegram, slack, gateway }: FakeServers) {
  const { baseUrl } = discord;
  return {
    discord: baseUrl,
    telegram: telegram.baseUrl,
    slack: slack.baseUrl,
    hook: gateway.baseUrl,
  };
}
export type BaseUrls = ReturnType<typeof baseUrlsOf>;

/** Webhooks go to loopback here: what guards addresses has tests of its own. */
export function realSinks(
  baseUrls: BaseUrls,
  clock: Clock,
  tokens: Tokens = TOKENS,
): Record<CallbackKind, Sink> {
  return {
    discord: createDiscordSink({ baseUrl: baseUrls.discord, token: tokens.discord, clock }),
    telegram: createTelegramSink({ baseUrl: baseUrls.telegram, token: tokens.telegram, clock }),
    slack: createSlackSink({ baseUrl: baseUrls.slack, token: tokens.slack, clock }),
    webhook: createWebhookSink({ secret: tokens.webhook, clock, way: undefined }),
    hook: createHookSink({ baseUrl: baseUrls.hook, token: tokens.hook, agentId: null, clock }),
  };
}

/** What becomes of messages to chats where there is a gateway. */
export type HookForm = 'agent' | 'wake' | 'off';

export function hookFirstOf(form: HookForm, hook: Sink): HookFirst | null {
  return form === 'agent' ? new HookFirst(hook, null) : null;
}
