/** One sink for each kind of callback, as the settings say. */
import type { CallbackConfig } from '../../callback-config.ts';
import type { Clock } from '../../clock.ts';
import type { CallbackKind } from '../../queue/index.ts';
import { HookFirst } from '../hook-first.ts';
import type { Sink } from '../sink.ts';
import { openWays } from '../ways.ts';
import { createDiscordSink, type DiscordSettings } from './discord.ts';
import { createHookSink } from './hook.ts';
import { createSlackSink } from './slack.ts';
import { createTelegramSink } from './telegram.ts';
import { createWebhookSink } from './webhook.ts';

export interface Destinations {
  /** For `/notify`. */
  discord: DiscordSettings;
  sinks: Readonly<Record<CallbackKind, Sink>>;
  /** Null where chats are not served by an OpenClaw gateway. */
  hookFirst: HookFirst | null;
  /** The gateway's agent hears of what goes to a chat. */
  wakes: boolean;
  close(): Promise<void>;
}

export function createDestinations(config: CallbackConfig, clock: Clock): Destinations {
  const { hooks, webhooks, proxies } = config;
  const ways = openWays({ proxies, allowedHosts: webhooks.allowedHosts });
  const common = { clock, way: ways.general };
  const hook = createHookSink({ ...hooks, clock, way: isHere(hooks.baseUrl) ? undefined : ways.general });
  const discord = { baseUrl: config.callbackBaseUrl, token: config.callbackToken, clock, way: ways.discord };
  const sinks = {
    discord: createDiscordSink(discord),
    telegram: createTelegramSink({ ...config.telegram, ...common }),
    slack: createSlackSink({ ...config.slack, ...common }),
    webhook: createWebhookSink({ secret: webhooks.secret, clock, way: ways.webhook }),
    hook,
  };
  const serves = hooks.baseUrl !== null;
  return {
    discord,
    sinks,
    hookFirst: serves && hooks.form === 'agent' ? new HookFirst(hook, hooks.path) : null,
    wakes: serves && hooks.form === 'wake',
    close: () => ways.close(),
  };
}

/** A gateway on this machine is behind no proxy. */
function isHere(baseUrl: string | null): boolean {
  return baseUrl !== null && /^(localhost|127\.[\d.]+|\[::1\])$/.test(new URL(baseUrl).hostname);
}
