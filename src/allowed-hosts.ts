/** The hosts that webhooks may reach although their addresses are not public (WEBHOOK_ALLOWED_HOSTS). */
import { BlockList, isIP } from 'node:net';

/** What a name in the list may hold: nothing of a URL around it, and no star within. */
const NAME = /^[^\s/:?#@\\[\]*]+$/;

export class AllowedHosts {
  readonly #names = new Set<string>();
  readonly #suffixes: string[] = [];
  readonly #addresses = new BlockList();

  /**
   * Of a comma list: host names, `*.suffix` (what is below it, not the suffix itself), IP addresses, CIDR ranges.
   * `wrong` are the entries that are none of these; the others count.
   */
  static parse(text: string): { hosts: AllowedHosts; wrong: string[] } {
    const hosts = new AllowedHosts();
    const entries = text.split(',').map((entry) => entry.trim());
    return { hosts, wrong: entries.filter((entry) => entry !== '' && !hosts.#add(entry)) };
  }

  /** Whether it may be reached whatever its addresses are. */
  allowsName(host: string): boolean {
    const name = withoutDot(host.toLowerCase());
    return this.#names.has(name) || this.#suffixes.some((suffix) => name.endsWith(suffix));
  }

  allowsAddress(address: string): boolean {
    return this.#addresses.check(address, familyOf(address));
  }

  #add(entry: string): boolean {
    if (entry.includes('/')) return this.#addRange(entry);
    if (entry.startsWith('*.')) return this.#addSuffix(entry.slice(2));
    const host = hostOf(entry);
    if (host === null) return false;
    if (isIP(host) === 0) this.#names.add(host);
    else this.#addresses.addAddress(host, familyOf(host));
    return true;
  }

  #addRange(entry: string): boolean {
    const [address = '', bits = '', ...rest] = entry.split('/');
    const most = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
    if (rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > most) return false;
    this.#addresses.addSubnet(address, Number(bits), familyOf(address));
    return true;
  }

  #addSuffix(name: string): boolean {
    const host = hostOf(name);
    if (host === null || isIP(host) !== 0) return false;
    this.#suffixes.push(`.${host}`);
    return true;
  }
}

/** As URLs have it: in lower case, in Punycode, an address spelled plainly. Null for what is no host. */
function hostOf(text: string): string | null {
  const bare = text.replace(/^\[(.+)\]$/, '$1');
  if (isIP(bare) !== 0) return bare;
  const url = NAME.test(text) ? URL.parse(`http://${text}`) : null;
  return url === null ? null : withoutDot(url.hostname);
}

/** `host.` and `host` are the same name. */
function withoutDot(host: string): string {
  return host.replace(/\.$/, '');
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
