import { ADDRCONFIG, type LookupAddress, type LookupAllOptions } from 'node:dns';
import { getDefaultAutoSelectFamily, setDefaultAutoSelectFamily } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { AllowedHosts } from '../../../src/allowed-hosts.ts';
import type { Resolve } from '../../../src/callbacks/address-guard.ts';
import type { Delivery, Message } from '../../../src/callbacks/sink.ts';
import { createWebhookSink } from '../../../src/callbacks/sinks/webhook.ts';
import { type ClosableWay, guarded } from '../../../src/callbacks/ways.ts';
import type { ProxySettings } from '../../../src/proxies.ts';
import { FakeWebhook } from '../../support/fake-webhook.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeProxy } from '../../support/proxy.ts';
import { startTlsFront, tlsProblem } from '../../support/tls-front.ts';

const SECRET = `whsec_${Buffer.from('the signing key of the tests, 32').toString('base64')}`;
const PUBLIC = '93.184.215.14';
let receiver: FakeWebhook;
let clock: ManualClock;

beforeEach(async () => {
  receiver = await FakeWebhook.start(SECRET);
  clock = new ManualClock(Date.now());
});
afterEach(() => receiver.stop());

/** A resolver whose answers are these, one after the other; the last one stays. It keeps the names that it was asked. */
function answering(...answers: string[][]) {
  const asked: string[] = [];
  const resolve = async (host: string): Promise<LookupAddress[]> => {
    asked.push(host);
    const addresses = answers[Math.min(asked.length, answers.length) - 1] ?? [];
    return addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  };
  return { asked, resolve };
}

interface Guard {
  allow?: string;
  proxies?: ProxySettings;
  resolve?: Resolve;
}

function guard({ allow = '', proxies = {}, resolve }: Guard): ClosableWay {
  const allowedHosts = AllowedHosts.parse(allow).hosts;
  const way = guarded({ proxies, allowedHosts, ...(resolve !== undefined && { resolve }) });
  onTestFinished(() => way.close());
  return way;
}

/** To a host, at the port of the receiver unless told, through a way of its own unless given. */
function send(
  host: string,
  way: ClosableWay | Guard,
  origin = `http://${host}:${receiver.port}`,
): Promise<Delivery> {
  const sink = createWebhookSink({
    secret: SECRET,
    clock,
    way: typeof way === 'function' ? way : guard(way),
  });
  const message = { callbackId: '1', chunk: 0, target: `${origin}/hooks/1`, token: null, content: '{}' };
  return sink.send(message as Message, new AbortController().signal);
}

function refusal(host: string): Delivery {
  return { kind: 'refused', error: `${host} is not on the internet, nor in WEBHOOK_ALLOWED_HOSTS` };
}

describe('an address in a URL', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['017700000001', '127.0.0.1'],
    ['0177.0.0.01', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['127.0.0.1.', '127.0.0.1'],
    ['１２７.０.０.１', '127.0.0.1'],
    ['%31%32%37.0.0.1', '127.0.0.1'],
    ['0', '0.0.0.0'],
    ['127.255.255.254', '127.255.255.254'],
    ['[::1]', '::1'],
    ['[0:0::0:1]', '::1'],
    ['[::]', '::'],
    ['[::ffff:127.0.0.1]', '::ffff:7f00:1'],
    ['[::ffff:7f00:1]', '::ffff:7f00:1'],
    ['[64:ff9b::127.0.0.1]', '64:ff9b::7f00:1'],
    ['169.254.169.254', '169.254.169.254'],
    ['10.0.0.1', '10.0.0.1'],
    ['[fd00:ec2::254]', 'fd00:ec2::254'],
  ])('is refused when it is %s', async (host, shown) => {
    expect(await send(host, {})).toEqual(refusal(shown));
    expect(receiver.connections).toBe(0);
  });

  it('is reached when the list has it or a range around it', async () => {
    for (const allow of ['127.0.0.1', '127.0.0.0/8', '::ffff:127.0.0.1'])
      expect(await send('0x7f.1', { allow }), allow).toEqual({ kind: 'delivered' });
    expect(await send('127.0.0.1', { allow: '127.0.0.2, 10.0.0.0/8, localhost' })).toEqual(
      refusal('127.0.0.1'),
    );
  });

  it('is never looked up', async () => {
    const { asked, resolve } = answering([PUBLIC]);
    expect(await send('127.0.0.1', { resolve })).toEqual(refusal('127.0.0.1'));
    expect(await send('127.0.0.1', { resolve, allow: '127.0.0.1' })).toEqual({ kind: 'delivered' });
    expect(asked).toEqual([]);
  });
});

describe('a host name', () => {
  it.each([
    '127.0.0.1',
    '::1',
    '10.0.0.1',
    '::ffff:127.0.0.1',
    '169.254.169.254',
    'fe80::1%lo',
    '64:ff9b::7f00:1',
  ])('is refused when it leads to %s', async (address) => {
    const { resolve } = answering([address]);
    expect(await send('hooks.example', { resolve })).toEqual(refusal('hooks.example'));
    expect(receiver.connections).toBe(0);
  });

  it('is refused when the real resolver leads to this machine', async () => {
    expect(await send('localhost', {})).toEqual(refusal('localhost'));
    expect(receiver.connections).toBe(0);
  });

  it.each([[[PUBLIC, '10.0.0.1']], [['10.0.0.1', PUBLIC]], [[PUBLIC, PUBLIC, '::1']]])(
    'is refused when a single one of its addresses is refused: %j',
    async (addresses) => {
      expect(await send('hooks.example', answering(addresses))).toEqual(refusal('hooks.example'));
    },
  );

  it('is connected to at the address that was checked, whatever it says when asked again', async () => {
    const { asked, resolve } = answering(['127.0.0.1'], ['10.0.0.1']);
    const way = guard({ resolve, allow: '127.0.0.1' });
    expect(await send('hooks.example', way)).toEqual({ kind: 'delivered' });
    expect(asked).toEqual(['hooks.example']);
    expect(receiver.requests[0]?.headers.host).toBe(`hooks.example:${receiver.port}`);
  });

  it('is checked again for every new connection', async () => {
    const way = guard({ allow: '127.0.0.1', ...answering(['127.0.0.1'], ['10.0.0.1']) });
    receiver.next('reset');
    expect(await send('hooks.example', way)).toMatchObject({ kind: 'retry' });
    expect(await send('hooks.example', way)).toEqual(refusal('hooks.example'));
    expect(receiver.connections).toBe(1);
  });

  it('is checked just so where a socket asks for a single address', async () => {
    const before = getDefaultAutoSelectFamily();
    setDefaultAutoSelectFamily(false);
    onTestFinished(() => setDefaultAutoSelectFamily(before));
    const allow = '127.0.0.1';
    expect(await send('a.example', { allow, ...answering(['127.0.0.1']) })).toEqual({ kind: 'delivered' });
    expect(await send('b.example', { allow, ...answering(['127.0.0.1', '10.0.0.1']) })).toEqual(
      refusal('b.example'),
    );
  });

  it('is resolved as sockets ask for it, and to all of its addresses', async () => {
    let asked: LookupAllOptions | undefined;
    const resolve: Resolve = async (_, options) => {
      asked = options;
      return [{ address: '127.0.0.1', family: 4 }];
    };
    await send('hooks.example', { resolve });
    expect(asked).toMatchObject({ all: true, hints: process.platform === 'win32' ? 0 : ADDRCONFIG });
  });

  it('is tried again when it can not be resolved, with nothing sent', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' }));
    const lost = { kind: 'retry', error: 'fetch failed: getaddrinfo', afterMs: 0, unreached: true };
    expect(await send('hooks.example', { resolve })).toEqual(lost);
  });

  it('is tried again when it has no address', async () => {
    const error = 'fetch failed: hooks.example has no address';
    expect(await send('hooks.example', answering([]))).toMatchObject({ kind: 'retry', error });
  });

  it('is not waited for longer than an answer', async () => {
    const { promise, resolve: begun } = Promise.withResolvers<void>();
    const resolve = () => {
      begun();
      return new Promise<never>(() => {});
    };
    const delivery = send('hooks.example', { resolve });
    await promise;
    clock.advance(20_000);
    expect(await delivery).toMatchObject({ kind: 'retry', error: 'no answer within 20 s' });
  });

  it.each(['hooks.example', 'HOOKS.example.', '*.example', '127.0.0.1', '127.0.0.0/8'])(
    'is reached in our own network when the list has %s',
    async (allow) => {
      expect(await send('hooks.example', { allow, ...answering(['127.0.0.1']) })).toEqual({
        kind: 'delivered',
      });
      expect(await send('hooks.example.', { allow, ...answering(['127.0.0.1']) })).toEqual({
        kind: 'delivered',
      });
    },
  );

  it.each(['example', '*.hooks.example', 'ooks.example', '127.0.0.2', '10.0.0.0/8'])(
    'is not reached there when the list has %s',
    async (allow) => {
      expect(await send('hooks.example', { allow, ...answering(['127.0.0.1']) })).toEqual(
        refusal('hooks.example'),
      );
    },
  );
});

describe('behind a proxy', () => {
  let proxy: FakeProxy;
  let proxies: ProxySettings;

  beforeEach(async () => {
    proxy = await FakeProxy.start({ to: receiver.port });
    proxies = { httpProxy: proxy.url };
  });
  afterEach(() => proxy.stop());

  it('a public name goes there by its name, and the proxy may be in our own network', async () => {
    const { asked, resolve } = answering([PUBLIC]);
    expect(await send('', { proxies, resolve }, 'http://hooks.example')).toEqual({ kind: 'delivered' });
    expect(asked).toEqual(['hooks.example']);
    expect(proxy.seen).toEqual(['POST http://hooks.example/hooks/1']);
  });

  it('a public address goes there', async () => {
    expect(await send('', { proxies }, `http://${PUBLIC}`)).toEqual({ kind: 'delivered' });
  });

  it.each(['127.0.0.1', '0x7f.1', '[::1]', '10.0.0.1'])('the address %s is refused', async (host) => {
    expect(await send(host, { proxies })).toMatchObject({ kind: 'refused' });
    expect(await send('', { proxies }, `https://${host}`)).toMatchObject({ kind: 'refused' });
    expect(proxy.seen).toEqual([]);
  });

  it('a name that leads into our own network is refused', async () => {
    const way = guard({ proxies, ...answering([PUBLIC, '10.0.0.1']) });
    for (const origin of ['http://hooks.example', 'https://hooks.example'])
      expect(await send('', way, origin)).toEqual(refusal('hooks.example'));
    expect(proxy.seen).toEqual([]);
  });

  it.each([
    ['hooks.example', []],
    ['*.example', []],
    ['10.0.0.0/8', ['hooks.example']],
  ])(
    'a name is reached there when the list has %s, and looked up only for an address',
    async (allow, lookedUp) => {
      const { asked, resolve } = answering(['10.0.0.1']);
      const delivery = await send('', { proxies, allow, resolve }, 'http://hooks.example');
      expect(delivery).toEqual({ kind: 'delivered' });
      expect(asked).toEqual(lookedUp);
    },
  );

  it('a name that can not be resolved here is not sent there', async () => {
    const resolve = () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' }));
    const delivery = await send('', { proxies, resolve }, 'http://hooks.example');
    expect(delivery).toMatchObject({ kind: 'retry', unreached: true });
    expect(await send('', { proxies, ...answering([]) }, 'http://hooks.example')).toMatchObject({
      kind: 'retry',
    });
    expect(proxy.seen).toEqual([]);
  });

  it('a name that needs no proxy is connected to at the address that was checked', async () => {
    const direct = { proxies: { ...proxies, noProxy: 'hooks.example' }, allow: '127.0.0.1' };
    const good = answering(['127.0.0.1']);
    expect(await send('hooks.example', { ...direct, ...good })).toEqual({ kind: 'delivered' });
    const rebinding = answering([PUBLIC], ['10.0.0.1']);
    expect(await send('hooks.example', { ...direct, ...rebinding })).toEqual(refusal('hooks.example'));
    expect(rebinding.asked).toHaveLength(2);
    expect([proxy.seen.length, receiver.connections]).toEqual([0, 1]);
  });
});

const noTls = tlsProblem();
describe.skipIf(noTls !== null)(`https://${noTls === null ? '' : ` (skipped: ${noTls})`}`, () => {
  it('shows its certificate for the name, not for the address that is connected to', async () => {
    const port = await startTlsFront('hooks.example', receiver.port);
    const way = guard({ allow: '127.0.0.1', ...answering(['127.0.0.1']) });
    expect(await send('', way, `https://hooks.example:${port}`)).toEqual({ kind: 'delivered' });
    expect(await send('', way, `https://other.example:${port}`)).toMatchObject({ kind: 'retry' });
    expect(receiver.taken).toHaveLength(1);
  });

  it('goes through the tunnel of a proxy', async () => {
    const proxy = await FakeProxy.start({ to: await startTlsFront('hooks.example', receiver.port) });
    onTestFinished(() => proxy.stop());
    const way = guard({ proxies: { httpsProxy: proxy.url }, ...answering([PUBLIC]) });
    expect(await send('', way, 'https://hooks.example')).toEqual({ kind: 'delivered' });
    expect(proxy.seen).toEqual(['CONNECT hooks.example:443']);
  });
});
