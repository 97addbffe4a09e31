/** Keeps webhooks from our own network (SSRF): what is connected to is the very address that was checked. */
import type { LookupAddress, LookupAllOptions } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import type { Dispatcher } from 'undici';
import type { AllowedHosts } from '../allowed-hosts.ts';
import { AddressRefused } from './address-refused.ts';
import { isPublic } from './public-address.ts';

/** The addresses of a host name; `lookup` of `node:dns/promises`. */
export type Resolve = (host: string, options: LookupAllOptions) => Promise<LookupAddress[]>;

export class AddressGuard {
  readonly #allowed: AllowedHosts;
  readonly #resolve: Resolve;

  constructor(allowed: AllowedHosts, resolve: Resolve = lookup) {
    this.#allowed = allowed;
    this.#resolve = resolve;
  }

  /**
   * For sockets: they connect to what this returns and to nothing else, so that a name which changes its answer gains
   * nothing. `AddressRefused` when a single address of the name may not be reached.
   */
  readonly lookup: LookupFunction = (host, options, callback) => {
    this.#addressesOf(host, { ...options, all: true }).then(
      ([first, ...others]) => {
        if (options.all) callback(null, [first, ...others]);
        else callback(null, first.address, first.family);
      },
      (error: Error) => callback(error, []),
    );
  };

  /** An address in a URL reaches no `lookup`. */
  checkingLiterals(): Dispatcher.DispatcherComposeInterceptor {
    return checking((host) => (isIP(host) === 0 ? null : this.#check(host)));
  }

  /** Behind a proxy no name reaches `lookup`. The proxy resolves it once more, and may get another answer. */
  checkingHosts(): Dispatcher.DispatcherComposeInterceptor {
    return checking((host) => (this.#allowed.allowsName(host) ? null : this.#check(host)));
  }

  async #check(host: string): Promise<void> {
    if (isIP(host) === 0) await this.#addressesOf(host, { all: true });
    else if (!this.#allows(host)) throw new AddressRefused(host);
  }

  async #addressesOf(host: string, options: LookupAllOptions): Promise<[LookupAddress, ...LookupAddress[]]> {
    const [first, ...others] = await this.#resolve(host, options);
    if (first === undefined) throw new Error(`${host} has no address`);
    const addresses: [LookupAddress, ...LookupAddress[]] = [first, ...others];
    const isFine = this.#allowed.allowsName(host) || addresses.every(({ address }) => this.#allows(address));
    if (!isFine) throw new AddressRefused(host);
    return addresses;
  }

  #allows(address: string): boolean {
    return isPublic(address) || this.#allowed.allowsAddress(address);
  }
}

/** Lets a request begin when the check of its host is over; null where there is nothing to check. */
function checking(check: (host: string) => Promise<void> | null): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    const checked = check(hostOf(options.origin));
    if (checked === null) return dispatch(options, handler);
    checked
      .then(() => dispatch(options, handler))
      // Without a controller, as undici's own interceptor of names does: no request has begun.
      .catch((error: Error) => handler.onResponseError?.(null as never, error));
    return true;
  };
}

/** Without the brackets of IPv6. */
function hostOf(origin: string | URL | undefined): string {
  return new URL(String(origin)).hostname.replace(/^\[(.+)\]$/, '$1');
}
