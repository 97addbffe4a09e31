/** How connections come about: through the proxies of the environment, and never from a webhook into our own network. */
import type { Dispatcher } from 'undici';
import { AllowedHosts } from '../allowed-hosts.ts';
import type { ProxySettings } from '../proxies.ts';
import type { Resolve } from './address-guard.ts';
import type { Way } from './post.ts';

/** Makes what opens connections at its first use, and once. */
export interface ClosableWay extends Way {
  /** Breaks its connections, and with them the requests that are under way. */
  close(): Promise<void>;
}

export interface WaySettings {
  proxies: ProxySettings;
  /** None unless given. */
  allowedHosts?: AllowedHosts;
  /** `lookup` of `node:dns/promises` unless given. */
  resolve?: Resolve;
}

/** Undefined is the way of undici itself: straight there. */
export interface Ways {
  discord: Way | undefined;
  /** For URLs that strangers gave. */
  webhook: Way;
  /** For all others. */
  general: Way | undefined;
  close(): Promise<void>;
}

export function openWays(settings: WaySettings): Ways {
  const { proxies } = settings;
  const general = proxied(proxies);
  const discord = proxies.discordProxy ? through(proxies.discordProxy) : general;
  const webhook = guarded(settings);
  return {
    discord,
    webhook,
    general,
    close: async () => void (await Promise.all([discord, webhook, general].map((way) => way?.close()))),
  };
}

/** By HTTPS_PROXY, HTTP_PROXY and NO_PROXY, for each request what its URL asks for; undefined without a proxy. */
export function proxied(proxies: ProxySettings): ClosableWay | undefined {
  if (!hasProxy(proxies)) return undefined;
  return lazily(async () => {
    const { EnvHttpProxyAgent } = await import('undici');
    return new EnvHttpProxyAgent(environmentOf(proxies));
  });
}

/** All of it through the proxy at `url`. */
export function through(url: string): ClosableWay {
  return lazily(async () => {
    const { ProxyAgent } = await import('undici');
    return new ProxyAgent(url);
  });
}

/**
 * To public addresses and `allowedHosts` only; anything else fails with an `AddressRefused` as its cause. Its weakness:
 * behind a proxy the name is checked here and then resolved by the proxy, which may get another answer; and a name that
 * only the proxy can resolve is not reached unless it is one of `allowedHosts`.
 */
export function guarded({ proxies, allowedHosts = new AllowedHosts(), resolve }: WaySettings): ClosableWay {
  return lazily(async () => {
    const { Agent, EnvHttpProxyAgent } = await import('undici');
    const { AddressGuard } = await import('./address-guard.ts');
    const guard = new AddressGuard(allowedHosts, resolve);
    // Of a proxy's connections only those past it (NO_PROXY) are made so: the proxy itself may be anywhere.
    const connect = { lookup: guard.lookup };
    if (!hasProxy(proxies)) return new Agent({ connect }).compose(guard.checkingLiterals());
    return new EnvHttpProxyAgent({ ...environmentOf(proxies), connect }).compose(guard.checkingHosts());
  });
}

function hasProxy({ httpProxy, httpsProxy }: ProxySettings): boolean {
  return Boolean(httpProxy || httpsProxy);
}

/** What is not set is blank: what is missing undici would read from the environment on its own. */
function environmentOf({ httpProxy = '', httpsProxy = '', noProxy = '' }: ProxySettings) {
  return { httpProxy, httpsProxy, noProxy };
}

function lazily(make: () => Promise<Dispatcher>): ClosableWay {
  let made: Promise<Dispatcher> | undefined;
  const way = () => {
    made ??= make();
    return made;
  };
  return Object.assign(way, {
    close: async () => {
      const dispatcher = await made?.catch(() => undefined);
      await dispatcher?.destroy();
    },
  });
}
