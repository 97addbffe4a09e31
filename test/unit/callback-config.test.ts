import { describe, expect, it } from 'vitest';
import { readDataFolder, readTaskApiConfig } from '../../src/config.ts';
import { CALLBACK_KINDS } from '../../src/destination.ts';
import { type Environment, Settings } from '../../src/settings.ts';

const SECRET = `whsec_${Buffer.from('the signing secret of the tests').toString('base64')}`;

function read(env: Environment) {
  const settings = new Settings({ OPENCLAW_RUNNER_HOME: '/somewhere/data', ...env });
  const config = readTaskApiConfig(settings, readDataFolder(settings));
  settings.check();
  return config;
}

/** The lines of the error that everything wrong in `env` comes to. */
function problems(env: Environment): string[] {
  try {
    read(env);
    return [];
  } catch (error) {
    return (error as Error).message.split('\n');
  }
}

describe('callbacks', () => {
  it('go to the services themselves, without any credential, where nothing is set', () => {
    const { webhooks, ...config } = read({});
    expect(config).toMatchObject({
      callbackDelivery: 'api',
      callbackKind: 'discord',
      callbackBaseUrl: 'https://discord.com/api/v10',
      callbackToken: null,
      telegram: { baseUrl: 'https://api.telegram.org', token: null },
      slack: { baseUrl: 'https://slack.com/api', token: null },
      hooks: { baseUrl: null, token: null, agentId: null, form: 'agent', path: null },
    });
    expect(Object.values(config.proxies).filter((one) => one !== undefined)).toEqual([]);
    expect(webhooks.secret).toBeNull();
    expect(webhooks.allowedHosts.allowsName('localhost')).toBe(false);
    expect(webhooks.allowedHosts.allowsAddress('127.0.0.1')).toBe(false);
  });

  it('go where the settings say, with the credentials that they hold', () => {
    const { webhooks, ...config } = read({
      CALLBACK_API_BASE_URL: 'http://127.0.0.1:1/api/v10/',
      CALLBACK_BOT_TOKEN: 'discord-token',
      TELEGRAM_API_BASE_URL: 'http://127.0.0.1:2//',
      TELEGRAM_BOT_TOKEN: '1:telegram-token',
      SLACK_API_BASE_URL: 'http://127.0.0.1:3/api',
      SLACK_BOT_TOKEN: 'xoxb-slack-token',
      WEBHOOK_SECRET: `${SECRET} ${SECRET}`,
      WEBHOOK_ALLOWED_HOSTS: 'Intranet.example, *.corp.example ,10.0.0.0/8,::1',
      OPENCLAW_HOOKS_URL: 'http://127.0.0.1:18789/',
      OPENCLAW_HOOKS_TOKEN: 'hook-token',
      OPENCLAW_HOOKS_AGENT_ID: 'main',
      OPENCLAW_HOOKS_FORM: 'wake',
      OPENCLAW_HOOKS_PATH: '/openclaw-runner',
    });
    expect(config).toMatchObject({
      callbackBaseUrl: 'http://127.0.0.1:1/api/v10',
      callbackToken: 'discord-token',
      telegram: { baseUrl: 'http://127.0.0.1:2', token: '1:telegram-token' },
      slack: { baseUrl: 'http://127.0.0.1:3/api', token: 'xoxb-slack-token' },
      hooks: {
        ...{ baseUrl: 'http://127.0.0.1:18789', token: 'hook-token', agentId: 'main' },
        ...{ form: 'wake', path: '/openclaw-runner' },
      },
    });
    expect(webhooks.secret).toBe(`${SECRET} ${SECRET}`);
    const names = ['intranet.example', 'a.corp.example', 'corp.example'];
    expect(names.map((name) => webhooks.allowedHosts.allowsName(name))).toEqual([true, true, false]);
    const addresses = ['10.1.2.3', '::1', '127.0.0.1'];
    expect(addresses.map((one) => webhooks.allowedHosts.allowsAddress(one))).toEqual([true, true, false]);
  });

  it.each(CALLBACK_KINDS)('of a callbackChannel may be of kind %s', (kind) => {
    expect(read({ CALLBACK_KIND: kind }).callbackKind).toBe(kind);
  });

  it('know a token by what is in it, and not by the line end of its file', () => {
    const token = 'abc:def';
    const names = ['CALLBACK_BOT_TOKEN', 'TELEGRAM_BOT_TOKEN', 'SLACK_BOT_TOKEN', 'OPENCLAW_HOOKS_TOKEN'];
    const env = Object.fromEntries(names.map((name) => [name, ` ${token}\n`]));
    const { callbackToken, telegram, slack, hooks } = read(env);
    expect([callbackToken, telegram.token, slack.token, hooks.token]).toEqual([token, token, token, token]);
    expect(read({ DISCORD_BOT_TOKEN: `${token}\r\n` }).callbackToken).toBe(token);
  });

  it('go through the proxies that the environment names, in small letters first', () => {
    const { proxies } = read({
      HTTP_PROXY: 'http://upper:1',
      http_proxy: 'http://user:p%40ss@lower:1',
      HTTPS_PROXY: 'http://secure:2/',
      no_proxy: 'localhost,.corp.example',
      NO_PROXY: '*',
      DISCORD_PROXY: 'https://discord:3',
    });
    expect(proxies).toEqual({
      httpProxy: 'http://user:p%40ss@lower:1',
      httpsProxy: 'http://secure:2/',
      noProxy: 'localhost,.corp.example',
      discordProxy: 'https://discord:3',
    });
  });

  it('go through a proxy that is named without its scheme, as curl takes it', () => {
    expect(read({ HTTPS_PROXY: 'proxy.example:3128' }).proxies.httpsProxy).toBe('http://proxy.example:3128');
  });
});

describe('what is wrong with the settings of callbacks', () => {
  const PROXY = 'the address of a proxy is http:// or https://, perhaps user:password@, a host and a port';
  const UNSENDABLE = 'holds blanks or other characters that an HTTP header does not carry.';
  const WRONG: [name: string, value: string, told: string][] = [
    ['CALLBACK_DELIVERY', 'pigeon', 'CALLBACK_DELIVERY: expected one of api, runner, got "pigeon".'],
    [
      'CALLBACK_KIND',
      'Discord',
      'CALLBACK_KIND: expected one of discord, telegram, slack, webhook, hook, got "Discord".',
    ],
    ['TELEGRAM_API_BASE_URL', 'api.telegram.org', 'TELEGRAM_API_BASE_URL: expected an http:// or'],
    ['SLACK_API_BASE_URL', 'ftp://slack', 'SLACK_API_BASE_URL: expected an http:// or'],
    ['OPENCLAW_HOOKS_URL', 'http://a:hunter2@gateway', 'OPENCLAW_HOOKS_URL: expected an http:// or'],
    ['TELEGRAM_BOT_TOKEN', '1:hunter2 hunter2', `TELEGRAM_BOT_TOKEN ${UNSENDABLE}`],
    ['SLACK_BOT_TOKEN', 'xoxb-hunter2\nhunter2', `SLACK_BOT_TOKEN ${UNSENDABLE}`],
    ['OPENCLAW_HOOKS_TOKEN', 'hunter2é', `OPENCLAW_HOOKS_TOKEN ${UNSENDABLE}`],
    ['WEBHOOK_SECRET', 'hunter2', 'WEBHOOK_SECRET: a webhook secret is whsec_ and base64'],
    [
      'WEBHOOK_ALLOWED_HOSTS',
      'ok.example, http://x, 10.0.0.0/33',
      'WEBHOOK_ALLOWED_HOSTS: expected host names, *.suffixes, addresses and ranges, separated by commas, got "http://x, 10.0.0.0/33".',
    ],
    ['OPENCLAW_HOOKS_FORM', 'both', 'OPENCLAW_HOOKS_FORM: expected one of agent, wake, off, got "both".'],
    ['OPENCLAW_HOOKS_PATH', 'hooks/mine', 'OPENCLAW_HOOKS_PATH: expected the name of a mapping'],
    ['HTTP_PROXY', 'socks5://a:hunter2@proxy', `HTTP_PROXY: ${PROXY}.`],
    ['https_proxy', 'http://a:hunter2%@proxy', `https_proxy: ${PROXY}.`],
    ['DISCORD_PROXY', 'hunter2', `DISCORD_PROXY: ${PROXY}.`],
  ];

  it('is told all at once, a line for each, and no secret in any', () => {
    const lines = problems(Object.fromEntries(WRONG));
    expect(lines).toHaveLength(WRONG.length);
    for (const [, , told] of WRONG) expect(lines).toContainEqual(expect.stringContaining(told));
    expect(lines.join('\n')).not.toContain('hunter2');
  });

  it.each(WRONG)('is told alone, too: %s=%j', (name, value, told) => {
    expect(problems({ [name]: value })).toEqual([expect.stringContaining(told)]);
  });

  it.each(['agent', '/wake', 'mine/telegram:1', 'a b', '/', 'x'.repeat(65)])(
    'includes %j for a mapping: nothing of the kind could ever be called',
    (path) => {
      expect(problems({ OPENCLAW_HOOKS_PATH: path })).toEqual([
        expect.stringMatching(/^OPENCLAW_HOOKS_PATH: expected the name of a mapping of the gateway/),
      ]);
    },
  );

  it.each(['whsec_', 'whsec_not base64', `${SECRET},${SECRET}`])(
    'includes %j for a signing secret',
    (secret) => {
      const lines = problems({ WEBHOOK_SECRET: secret });
      expect(lines).toEqual([expect.stringContaining('separated by blanks.')]);
    },
  );

  it.each([
    'http://someone:hunter2@gateway',
    'https:someone:hunter2@gateway',
    'http://someone:hunt/er2@gateway',
    'http:\\\\someone:hunter2@gateway',
  ])('never shows the password in an address: %s', (url) => {
    const lines = problems({ OPENCLAW_HOOKS_URL: url });
    expect(lines).toEqual([expect.stringContaining('OPENCLAW_HOOKS_URL: expected an http://')]);
    expect(lines.join()).not.toMatch(/hunt|someone/);
  });
});
