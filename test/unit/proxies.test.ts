import { ProxyAgent } from 'undici';
import { describe, expect, it } from 'vitest';
import { proxyProblem } from '../../src/proxies.ts';

describe('the address of a proxy', () => {
  it.each([
    'http://proxy.example:3128',
    'https://proxy.example/',
    'http://user:p%40ss@proxy.example:3128',
    'http://[::1]:3128',
  ])('may be %s', async (url) => {
    expect(proxyProblem(url)).toBeNull();
    await new ProxyAgent(url).destroy();
  });

  it.each([
    'proxy.example:3128',
    'nonsense',
    'socks5://proxy.example',
    'ftp://proxy.example/',
    'http://proxy.example/path',
    'http://proxy.example?a',
    'http://proxy.example#a',
    'http://user:hunter2%@proxy.example',
  ])('is not %s, which is not shown', (url) => {
    const problem = proxyProblem(url);
    expect(problem).toMatch(/^the address of a proxy is http/);
    expect(problem).not.toMatch(/hunter2|proxy\.example/);
  });
});
