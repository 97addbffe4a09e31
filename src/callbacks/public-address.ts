/** Which IP addresses are the internet's, by the registries of special addresses (RFC 6890 and after) in ipaddr.js. */
import ipaddr from 'ipaddr.js';

/** All that is assigned of IPv6; outside are, among others, `::/96` and `::ffff:0:0:0/96`, which hold an IPv4 address. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3');
/** Where a network without IPv4 shows the IPv4 internet to its hosts (RFC 6052). */
const NAT64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/**
 * False for private, loopback, link-local, unique-local, shared (carrier-grade NAT), multicast, broadcast, reserved and
 * documentation addresses, for tunnels (6to4, Teredo), and for what is no address. One of IPv4 that is mapped into IPv6
 * or reached through NAT64 counts as itself. A prefix that a network chose for its own NAT64 looks like any other.
 */
export function isPublic(text: string): boolean {
  if (!ipaddr.isValid(text)) return false;
  const address = ipaddr.process(text);
  if (address instanceof ipaddr.IPv4) return address.range() === 'unicast';
  if (address.match(NAT64)) return isPublic(address.toByteArray().slice(-4).join('.'));
  return address.range() === 'unicast' && address.match(GLOBAL_UNICAST);
}
