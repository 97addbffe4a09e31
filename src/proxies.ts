/** Proxies between us and the world, as the environment names them. */
export interface ProxySettings {
  /** For http: addresses. */
  httpProxy?: string | undefined;
  /** For https: addresses; `httpProxy` unless given. */
  httpsProxy?: string | undefined;
  /** Hosts that need none: `host`, `host:port`, `.suffix`, `*.suffix` or `*`, separated by commas or blanks. */
  noProxy?: string | undefined;
  /** For all that goes to Discord, whatever the others say. */
  discordProxy?: string | undefined;
}

/** What is wrong with the address of a proxy, without the address: it may hold a password; null when nothing is. */
export function proxyProblem(text: string): string | null {
  const url = URL.parse(text);
  if (url !== null && /^https?:$/.test(url.protocol) && isBare(url) && isDecodable(url)) return null;
  return 'the address of a proxy is http:// or https://, perhaps user:password@, a host and a port';
}

function isBare({ pathname, search, hash }: URL): boolean {
  return pathname === '/' && search === '' && hash === '';
}

/** undici decodes them, and throws at a stray `%`. */
function isDecodable({ username, password }: URL): boolean {
  try {
    decodeURIComponent(username + password);
    return true;
  } catch {
    return false;
  }
}
