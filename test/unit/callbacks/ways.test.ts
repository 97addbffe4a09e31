import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Way } from '../../../src/callbacks/post.ts';
import type { Delivery, Message } from '../../../src/callbacks/sink.ts';
import { createDiscordSink } from '../../../src/callbacks/sinks/discord.ts';
import { openWays, proxied, through, type Ways } from '../../../src/callbacks/ways.ts';
import type { ProxySettings } from '../../../src/proxies.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeDiscord } from '../../support/fake-discord.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { FakeProxy } from '../../support/proxy.ts';
import { startTlsFront, tlsProblem } from '../../support/tls-front.ts';

const never = new AbortController().signal;
let discord: FakeDiscord;

beforeEach(async () => {
  discord = await FakeDiscord.start();
});
afterEach(() => discord.stop());

/** In front of `discord`, unless told; gone with the test. */
async function aProxy(credentials?: string, to = port()): Promise<FakeProxy> {
  const proxy = await FakeProxy.start({ to, ...(credentials !== undefined && { credentials }) });
  onTestFinished(() => proxy.stop());
  return proxy;
}

function ways(proxies: ProxySettings): Ways {
  const opened = openWays({ proxies });
  onTestFinished(() => opened.close());
  return opened;
}

function port(): number {
  return Number(new URL(discord.baseUrl).port);
}

/** The name of the host is one that only a proxy can resolve. */
function send(way: Way | undefined, origin = 'http://chat.invalid'): Promise<Delivery> {
  const sink = createDiscordSink({
    baseUrl: `${origin}/api/v10`,
    clock: new ManualClock(),
    token: 'bot-token',
    way,
  });
  const message = { callbackId: 'c', chunk: 0, target: '1', threadId: null, token: null, content: 'hello' };
  return sink.send(message as Message, never);
}

describe('the proxies of the environment', () => {
  it('are not in the way when there are none', () => {
    expect(proxied({})).toBeUndefined();
    expect(proxied({ httpProxy: '', httpsProxy: undefined, noProxy: 'a.example' })).toBeUndefined();
    expect(ways({})).toMatchObject({ general: undefined, discord: undefined });
  });

  it('forward what goes to http:// addresses', async () => {
    const proxy = await aProxy();
    expect(await send(ways({ httpProxy: proxy.url }).general)).toEqual({ kind: 'delivered' });
    expect(proxy.seen).toEqual(['POST http://chat.invalid/api/v10/channels/1/messages']);
    expect(discord.channel('1')).toEqual(['hello']);
  });

  it('leave http:// addresses alone when they are for https:// only', async () => {
    const proxy = await aProxy();
    const { general } = ways({ httpsProxy: proxy.url });
    expect(await send(general, `http://127.0.0.1:${port()}`)).toEqual({ kind: 'delivered' });
    expect(proxy.seen).toEqual([]);
  });

  it.each([
    ['the host', '127.0.0.1'],
    ['the host among others', 'a.example, 127.0.0.1'],
    ['all', '*'],
  ])('are passed by when NO_PROXY names %s', async (_, noProxy) => {
    const proxy = await aProxy();
    const { general } = ways({ httpProxy: proxy.url, noProxy });
    expect(await send(general, `http://127.0.0.1:${port()}`)).toEqual({ kind: 'delivered' });
    expect(proxy.seen).toEqual([]);
  });

  it.each(['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'])(
    'come from the settings, not from %s behind their back',
    async (name) => {
      const [named, hidden] = [await aProxy(), await aProxy()];
      vi.stubEnv(name, hidden.url);
      onTestFinished(() => void vi.unstubAllEnvs());
      const [forHttps, forHttp] = [ways({ httpsProxy: named.url }), ways({ httpProxy: named.url })];
      await send(forHttps.general, `http://127.0.0.1:${port()}`);
      await send(forHttps.webhook, `http://127.0.0.1:${port()}`);
      await send(ways({}).webhook, 'http://1.invalid');
      await send(forHttp.general, `https://chat.invalid:${port()}`);
      expect(hidden.seen).toEqual([]);
      expect(named.seen).toEqual([`CONNECT chat.invalid:${port()}`]);
    },
  );

  it.each(['no_proxy', 'NO_PROXY'])('are not passed by for what %s says behind their back', async (name) => {
    const proxy = await aProxy();
    vi.stubEnv(name, '*');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await send(ways({ httpProxy: proxy.url }).general)).toEqual({ kind: 'delivered' });
  });
});

const noTls = tlsProblem();
describe.skipIf(noTls !== null)(`https:// addresses${noTls === null ? '' : ` (skipped: ${noTls})`}`, () => {
  it.each([
    ['their proxy', 'httpsProxy'],
    ['the one for http:// when they have none', 'httpProxy'],
    ['that of Discord', 'discordProxy'],
  ] as const)('go through a tunnel of %s', async (_, name) => {
    const proxy = await aProxy(undefined, await startTlsFront('chat.invalid', port()));
    expect(await send(ways({ [name]: proxy.url }).discord, 'https://chat.invalid')).toEqual({
      kind: 'delivered',
    });
    expect(proxy.seen).toEqual(['CONNECT chat.invalid:443']);
    expect(discord.channel('1')).toEqual(['hello']);
  });

  it('are not taken from who is another', async () => {
    const proxy = await aProxy(undefined, await startTlsFront('other.invalid', port()));
    const delivery = await send(ways({ httpsProxy: proxy.url }).general, 'https://chat.invalid');
    expect(delivery).toMatchObject({ kind: 'retry', error: expect.stringContaining('altnames') });
    expect(discord.requests).toHaveLength(0);
  });
});

describe('the proxy of Discord', () => {
  it('wins over the others for Discord, whatever NO_PROXY says, and for nobody else', async () => {
    const [own, other] = [await aProxy(), await aProxy()];
    const opened = ways({ httpProxy: other.url, noProxy: '*.invalid', discordProxy: own.url });
    expect(await send(opened.discord)).toEqual({ kind: 'delivered' });
    expect([own.seen.length, other.seen.length]).toEqual([1, 0]);
    expect(await send(opened.general, 'http://chat.example')).toEqual({ kind: 'delivered' });
    expect([own.seen.length, other.seen.length]).toEqual([1, 1]);
  });

  it('is that of the environment when it has none of its own', async () => {
    const proxy = await aProxy();
    expect(await send(ways({ httpProxy: proxy.url }).discord)).toEqual({ kind: 'delivered' });
    expect(proxy.seen).toHaveLength(1);
  });
});

describe('the credentials of a proxy', () => {
  it('let through, and stay with the proxy', async () => {
    const proxy = await aProxy('user:hunter2@');
    const url = proxy.urlFor('user:hunter2%40');
    expect(await send(through(url))).toEqual({ kind: 'delivered' });
    expect(JSON.stringify(discord.requests)).not.toContain('hunter2');
  });

  it.each(['http', 'https'])('are in no error when they are wrong, on the way to %s://', async (scheme) => {
    const proxy = await aProxy('user:secret');
    const url = proxy.urlFor('user:hunter2');
    const { general, webhook } = ways({ httpProxy: url, httpsProxy: url });
    for (const way of [general, webhook]) {
      const delivery = await send(way, `${scheme}://93.184.215.14`);
      expect(delivery).toMatchObject({ kind: 'retry', error: expect.stringMatching(/407|cancelled/) });
      expect(JSON.stringify(delivery)).not.toMatch(/hunter2|dXNlcjpo/);
    }
    expect(proxy.seen).toEqual([]);
  });

  it.each(['http', 'https'])('are in no error when nobody listens, on the way to %s://', async (scheme) => {
    const gone = await FakeProxy.start({ to: 1 });
    const way = through(gone.urlFor('user:hunter2'));
    await gone.stop();
    const delivery = await send(way, `${scheme}://chat.invalid`);
    expect(delivery).toMatchObject({ kind: 'retry', unreached: true });
    expect(JSON.stringify(delivery)).not.toContain('hunter2');
  });

  it.each(['http://user:hunter2%@127.0.0.1', 'nonsense:hunter2', 'http://user:hunter2@127.0.0.1/path'])(
    'are in no error when the address is no address (%#)',
    async (url) => {
      const delivery = await send(through(url));
      expect(delivery.kind).toBe('retry');
      expect(JSON.stringify(delivery)).not.toContain('hunter2');
    },
  );
});

describe('a way', () => {
  it('is made once', async () => {
    const way = through('http://proxy.invalid');
    expect(await way()).toBe(await way());
    await way.close();
  });

  it.each([
    ['general', 'httpProxy'],
    ['discord', 'discordProxy'],
    ['webhook', 'httpProxy'],
  ] as const)('keeps no connection when it is closed: %s', async (name, kind) => {
    const proxy = await aProxy();
    const opened = ways({ [kind]: proxy.url });
    expect(await send(opened[name], 'http://93.184.215.14')).toEqual({ kind: 'delivered' });
    expect(await proxy.clients()).toBe(1);
    await opened.close();
    await eventually('the end of the connection', async () => (await proxy.clients()) === 0);
  });

  it('breaks what is under way when it is closed', async () => {
    const proxy = await aProxy();
    const opened = ways({ httpProxy: proxy.url });
    discord.next('silence');
    const delivery = send(opened.general);
    await discord.received(1);
    await opened.close();
    expect(await delivery).toMatchObject({ kind: 'retry' });
  });

  it('can be closed before its first use, twice, and when it can not be made', async () => {
    const way = through('nonsense');
    await way.close();
    await expect(way()).rejects.toThrow('Invalid URL');
    await way.close();
    const opened = openWays({ proxies: { httpProxy: 'http://proxy.invalid' } });
    await opened.close();
    await opened.close();
  });

  it('loads no library before the first message, nor does the webhook sink', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const { openWays } = await import('./src/callbacks/ways.ts');
      const { createWebhookSink } = await import('./src/callbacks/sinks/webhook.ts');
      const { webhook: way } = openWays({ proxies: { httpProxy: 'http://proxy.invalid' } });
      const clock = { wall: () => 0, after: () => () => {} };
      const sink = createWebhookSink({ secret: 'whsec_AAAA', clock, way });
      const cache = createRequire(import.meta.resolve('./src/main.ts')).cache;
      const loaded = () => ['undici', 'ipaddr.js', 'standardwebhooks'].filter(
        (name) => Object.keys(cache).some((path) => path.includes('/node_modules/' + name + '/')));
      const before = loaded();
      await sink.send({ callbackId: '1', chunk: 0, target: 'http://127.0.0.1', token: null, content: '{}' },
        new AbortController().signal);
      console.log(JSON.stringify({ before, after: loaded() }));
    `;
    const args = ['--input-type=module', '--eval', script];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(JSON.parse(stdout)).toEqual({ before: [], after: ['undici', 'ipaddr.js', 'standardwebhooks'] });
  });
});
