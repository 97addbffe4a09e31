/** The settings of callbacks: where each kind goes, with what, and by which way. */
import { AllowedHosts } from './allowed-hosts.ts';
import { CALLBACK_KINDS, type CallbackKind } from './destination.ts';
import { parseHookTarget } from './hook-target.ts';
import { type ProxySettings, proxyProblem } from './proxies.ts';
import type { Settings } from './settings.ts';
import { secretProblem } from './webhook-secret.ts';

export interface CallbackConfig {
  /** `runner`: older runners send the callbacks of their attempts themselves. */
  callbackDelivery: 'api' | 'runner';
  /** What a `callbackChannel` means. */
  callbackKind: CallbackKind;
  /** Of Discord. */
  callbackBaseUrl: string;
  callbackToken: string | null;
  telegram: { baseUrl: string; token: string | null };
  slack: { baseUrl: string; token: string | null };
  webhooks: { secret: string | null; allowedHosts: AllowedHosts };
  hooks: HooksConfig;
  proxies: ProxySettings;
}

/** An OpenClaw gateway. */
export interface HooksConfig {
  baseUrl: string | null;
  token: string | null;
  agentId: string | null;
  /**
   * What becomes of callbacks to chats: `agent` gives them to the gateway first, `wake` sends them by the chat's own API
   * and tells the gateway's agent of it, `off` does neither.
   */
  form: 'agent' | 'wake' | 'off';
  /** A mapping that takes them in place of the agent hook. */
  path: string | null;
}

export function readCallbacks(settings: Settings): CallbackConfig {
  return {
    callbackDelivery: settings.choice('CALLBACK_DELIVERY', ['api', 'runner'], 'api'),
    callbackKind: settings.choice('CALLBACK_KIND', CALLBACK_KINDS, 'discord'),
    callbackBaseUrl: settings.url(
      ['CALLBACK_API_BASE_URL', 'DISCORD_API_BASE_URL'],
      'https://discord.com/api/v10',
    ),
    callbackToken: settings.firstOf(['CALLBACK_BOT_TOKEN', 'DISCORD_BOT_TOKEN'])?.value.trim() ?? null,
    telegram: {
      baseUrl: settings.url('TELEGRAM_API_BASE_URL', 'https://api.telegram.org'),
      token: readToken(settings, 'TELEGRAM_BOT_TOKEN'),
    },
    slack: {
      baseUrl: settings.url('SLACK_API_BASE_URL', 'https://slack.com/api'),
      token: readToken(settings, 'SLACK_BOT_TOKEN'),
    },
    webhooks: { secret: readSecret(settings), allowedHosts: readAllowedHosts(settings) },
    hooks: readHooks(settings),
    proxies: readProxies(settings),
  };
}

/** Without what surrounds it, as the line end of the file that it came from. */
function readToken(settings: Settings, name: string): string | null {
  const token = settings.get(name)?.trim() ?? null;
  if (token !== null && !/^[\x21-\x7e]+$/.test(token))
    settings.problem(`${name} holds blanks or other characters that an HTTP header does not carry.`);
  return token;
}

function readSecret(settings: Settings): string | null {
  const secret = settings.get('WEBHOOK_SECRET') ?? null;
  const problem = secret === null ? null : secretProblem(secret);
  if (problem !== null) settings.problem(`WEBHOOK_SECRET: ${problem}.`);
  return secret;
}

function readAllowedHosts(settings: Settings): AllowedHosts {
  const { hosts, wrong } = AllowedHosts.parse(settings.get('WEBHOOK_ALLOWED_HOSTS') ?? '');
  if (wrong.length > 0)
    settings.wrong(
      'WEBHOOK_ALLOWED_HOSTS',
      'host names, *.suffixes, addresses and ranges, separated by commas',
      wrong.join(', '),
    );
  return hosts;
}

function readHooks(settings: Settings): HooksConfig {
  const baseUrl = settings.url('OPENCLAW_HOOKS_URL', '') || null;
  const path = settings.get('OPENCLAW_HOOKS_PATH') ?? null;
  if (path !== null && !isMapping(path))
    settings.wrong('OPENCLAW_HOOKS_PATH', 'the name of a mapping of the gateway, as in hooks.mappings', path);
  return {
    baseUrl,
    token: readToken(settings, 'OPENCLAW_HOOKS_TOKEN'),
    agentId: settings.get('OPENCLAW_HOOKS_AGENT_ID') ?? null,
    form: settings.choice('OPENCLAW_HOOKS_FORM', ['agent', 'wake', 'off'], 'agent'),
    path,
  };
}

/** The gateway's own hooks, `wake` and `agent`, are none. */
function isMapping(path: string): boolean {
  const target = parseHookTarget(`/${path.replace(/^\//, '')}`);
  return target?.form === 'mapping' && target.conversation === null;
}

function readProxies(settings: Settings): ProxySettings {
  const of = (...names: string[]) => {
    const found = settings.firstOf(names.flatMap((name) => [name.toLowerCase(), name]));
    if (found === undefined) return undefined;
    // Without its scheme, as curl takes it and many machines have it.
    const url = /^[\w.-]+:\d+\/?$/.test(found.value) ? `http://${found.value}` : found.value;
    const problem = proxyProblem(url);
    if (problem !== null) settings.problem(`${found.name}: ${problem}.`);
    return problem === null ? url : undefined;
  };
  return {
    httpProxy: of('HTTP_PROXY'),
    httpsProxy: of('HTTPS_PROXY'),
    noProxy: settings.firstOf(['no_proxy', 'NO_PROXY'])?.value,
    discordProxy: of('DISCORD_PROXY'),
  };
}
