import { describe, expect, it } from 'vitest';
import { AllowedHosts } from '../../src/allowed-hosts.ts';

function listed(text: string): AllowedHosts {
  const { hosts, wrong } = AllowedHosts.parse(text);
  expect(wrong).toEqual([]);
  return hosts;
}

describe('a list of allowed hosts', () => {
  it('allows a name in any case, with and without the dot at its end, and nothing below or beside it', () => {
    const hosts = listed('Hooks.Example, dotted.example.');
    for (const name of ['hooks.example', 'HOOKS.example', 'hooks.example.', 'dotted.example'])
      expect(hosts.allowsName(name), name).toBe(true);
    for (const name of ['a.hooks.example', 'example', 'nothooks.example', 'hooks.example.evil'])
      expect(hosts.allowsName(name), name).toBe(false);
  });

  it('allows all names below a suffix, but not the suffix', () => {
    const hosts = listed('*.internal.example');
    for (const name of ['a.internal.example', 'a.b.internal.example', 'A.INTERNAL.EXAMPLE.'])
      expect(hosts.allowsName(name), name).toBe(true);
    for (const name of ['internal.example', 'evilinternal.example', 'a.internal.example.evil'])
      expect(hosts.allowsName(name), name).toBe(false);
  });

  it('allows a name in another script as URLs spell it', () => {
    expect(listed('bücher.example').allowsName(new URL('http://bücher.example').hostname)).toBe(true);
  });

  it('allows an address however it is spelled, and no other', () => {
    const hosts = listed('127.1, [fd00::1], fd00:0:0::2');
    for (const address of ['127.0.0.1', '::ffff:127.0.0.1', 'fd00::1', 'fd00::0:2'])
      expect(hosts.allowsAddress(address), address).toBe(true);
    for (const address of ['127.0.0.2', '::1', 'fd00::3', 'nonsense'])
      expect(hosts.allowsAddress(address), address).toBe(false);
    expect(hosts.allowsName('127.0.0.1')).toBe(false);
  });

  it('allows the addresses of a range', () => {
    const hosts = listed('10.1.0.0/16, fd12:3456::/32, 192.168.7.9/24, fe80::/64');
    for (const address of [
      '10.1.255.255',
      'fd12:3456:ffff::1',
      '192.168.7.200',
      '::ffff:10.1.2.3',
      'fe80::1%eth0',
    ])
      expect(hosts.allowsAddress(address), address).toBe(true);
    for (const address of ['10.2.0.0', 'fd12:3457::1', '192.168.8.1', 'fe80:0:0:1::1'])
      expect(hosts.allowsAddress(address), address).toBe(false);
  });

  it('allows all of IPv4 with a range of no bits', () => {
    const hosts = listed('0.0.0.0/0');
    expect(hosts.allowsAddress('10.0.0.1')).toBe(true);
    expect(hosts.allowsAddress('::1')).toBe(false);
  });

  it('allows nothing when it is blank', () => {
    const hosts = listed(' , ');
    expect(hosts.allowsName('localhost')).toBe(false);
    expect(hosts.allowsName('')).toBe(false);
    expect(hosts.allowsAddress('127.0.0.1')).toBe(false);
  });

  it.each([
    '*',
    '*.',
    '*.*.example',
    'a.*.example',
    '*.10.0.0.1',
    'http://hooks.example',
    'hooks.example:8080',
    'user@hooks.example',
    'two words',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/255.0.0.0',
    'fd00::/129',
    'hooks.example/8',
    '256.1.1.1',
    '[hooks.example]',
    '::1::',
  ])('names %j as wrong, and keeps the others', (entry) => {
    const { hosts, wrong } = AllowedHosts.parse(`good.example,${entry}`);
    expect(wrong).toEqual([entry]);
    expect(hosts.allowsName('good.example')).toBe(true);
  });
});
