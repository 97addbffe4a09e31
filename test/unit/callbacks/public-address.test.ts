import { describe, expect, it } from 'vitest';
import { isPublic } from '../../../src/callbacks/public-address.ts';

describe('a public address', () => {
  it.each([
    ['of IPv4', '93.184.215.14'],
    ['beside a private range', '172.15.255.255'],
    ['behind a private range', '172.32.0.0'],
    ['beside the loopback range', '126.255.255.255'],
    ['of IPv6', '2606:2800:21f:cb07:6820:80da:af6b:8b2c'],
    ['of IPv4 mapped into IPv6', '::ffff:93.184.215.14'],
    ['of IPv4 through NAT64', '64:ff9b::5db8:d70e'],
  ])('is one %s', (_, address) => {
    expect(isPublic(address)).toBe(true);
  });

  it.each([
    ['unspecified', '0.0.0.0'],
    ['of this network', '0.1.2.3'],
    ['private', '10.1.2.3'],
    ['private', '172.16.0.1'],
    ['private', '172.31.255.255'],
    ['private', '192.168.0.1'],
    ['shared by carrier-grade NAT', '100.64.0.1'],
    ['shared by carrier-grade NAT', '100.127.255.255'],
    ['loopback', '127.0.0.1'],
    ['loopback', '127.255.255.254'],
    ['link-local, of cloud metadata', '169.254.169.254'],
    ['reserved for protocols', '192.0.0.192'],
    ['documentation', '192.0.2.1'],
    ['documentation', '198.51.100.1'],
    ['documentation', '203.0.113.1'],
    ['a 6to4 relay', '192.88.99.1'],
    ['for benchmarks', '198.19.255.255'],
    ['multicast', '224.0.0.1'],
    ['multicast', '239.255.255.255'],
    ['reserved', '240.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['unspecified', '::'],
    ['loopback', '::1'],
    ['loopback', '0:0:0:0:0:0:0:1'],
    ['link-local', 'fe80::1'],
    ['link-local with a zone', 'fe80::1%eth0'],
    ['site-local', 'fec0::1'],
    ['unique-local', 'fc00::1'],
    ['unique-local', 'fdff::1'],
    ['unique-local, of cloud metadata', 'fd00:ec2::254'],
    ['multicast', 'ff02::1'],
    ['documentation', '2001:db8::1'],
    ['documentation', '3fff::1'],
    ['for benchmarks', '2001:2::1'],
    ['ORCHID', '2001:20::1'],
    ['discarded', '100::1'],
    ['segment routing', '5f00::1'],
    ['not assigned', '4000::1'],
    ['loopback mapped into IPv6', '::ffff:127.0.0.1'],
    ['loopback mapped into IPv6', '::ffff:7f00:1'],
    ['private mapped into IPv6', '::ffff:10.0.0.1'],
    ['loopback in the old way of mapping', '::127.0.0.1'],
    ['loopback, translated', '::ffff:0:127.0.0.1'],
    ['loopback through NAT64', '64:ff9b::7f00:1'],
    ['private through NAT64', '64:ff9b::10.0.0.1'],
    ['through a local NAT64', '64:ff9b:1::5db8:d70e'],
    ['loopback through 6to4', '2002:7f00:1::1'],
    ['public through 6to4', '2002:5db8:d70e::1'],
    ['through Teredo', '2001:0:5db8:d70e::1'],
    ['no address', 'localhost'],
    ['no address', ''],
  ])('is none that is %s: %s', (_, address) => {
    expect(isPublic(address)).toBe(false);
  });
});
