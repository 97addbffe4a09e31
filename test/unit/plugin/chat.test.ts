/** Where somebody asks, as gateways say it, and where the answer goes. */
import { describe, expect, it } from 'vitest';
import { chatOfCommand, chatOfTool } from '../../../plugin/src/chat.ts';
import { chatOf, PLACES, type Way } from '../../support/places.ts';
import { WEBCHAT, WEBCHAT_AGENT } from '../../support/plugin.ts';

const WAYS = PLACES.flatMap(({ name, callback, ways }) => ways.map((way) => ({ name, callback, way })));

describe('the answer', () => {
  it.each(WAYS)('goes to $name ($way)', ({ way, callback }) => {
    expect(chatOf(way).callback).toEqual(callback);
  });
});

describe('a conversation', () => {
  const keysOf = (ways: Way[]) => [...new Set(ways.map((way) => chatOf(way).key))];

  it.each(PLACES)('with $name is one, however it is asked for', ({ ways }) => {
    expect(keysOf(ways)).toHaveLength(1);
    expect(new Set(ways.map((way) => chatOf(way).tag)).size).toBe(1);
  });

  it('is another one in each place', () => {
    const first = PLACES.flatMap(({ ways }) => ways.slice(0, 1));
    expect(keysOf(first)).toHaveLength(PLACES.length);
    expect(new Set(first.map((way) => chatOf(way).tag)).size).toBe(PLACES.length);
  });

  it('is another one with each bot of a channel, and with each channel', () => {
    const chats = [
      chatOfCommand({ channel: 'telegram', to: '777' }),
      chatOfCommand({ channel: 'telegram', to: '777', accountId: 'second' }),
      chatOfCommand({ channel: 'whatsapp', to: '777' }),
    ];
    expect(new Set(chats.map(({ key }) => key)).size).toBe(3);
  });

  it('is one with the usual bot, whether that is named or not', () => {
    const named = chatOfCommand({ channel: 'telegram', to: '777', accountId: 'default' });
    expect(chatOfCommand({ channel: 'telegram', to: '777' })).toEqual(named);
    expect(chatOfTool({ deliveryContext: { channel: 'telegram', to: '777' } })).toEqual(named);
  });

  it.each(PLACES)('with $name has a tag that tells nothing of it', ({ ways: [way] }) => {
    expect(chatOf(way!).tag).toMatch(/^chat-[0-9a-f]{16}$/);
  });
});

describe('a web chat of the gateway', () => {
  const webchat = { agentId: 'main', sessionKey: 'agent:main:main' };

  it.each([
    ['a command', chatOfCommand(WEBCHAT)],
    ['a tool', chatOfTool(WEBCHAT_AGENT)],
  ])('is named as the gateway writes into it, by %s', (_what, chat) => {
    expect(chat.webchat).toEqual(webchat);
  });

  it('that says not who it is can’t be written into', () => {
    expect(chatOfCommand({ ...WEBCHAT, agentId: undefined }).webchat).toBeNull();
    expect(chatOfTool({ ...WEBCHAT_AGENT, sessionKey: undefined }).webchat).toBeNull();
  });

  it('is nothing that other channels have', () => {
    for (const { ways, callback } of PLACES)
      for (const way of ways) if (callback !== null) expect(chatOf(way).webchat).toBeNull();
  });
});

describe('an address that is none', () => {
  it.each([
    ['telegram', '12ab', 'telegram:12ab'],
    ['telegram', '-1001:topic:x', 'telegram:-1001:topic:x'],
    ['discord', 'channel:general', 'discord:channel:general'],
    ['discord', '123', 'discord:123'],
    ['slack', 'channel:X0ABC', 'slack:channel:X0ABC'],
    ['slack', 'channel:general', 'slack:channel:general'],
  ])('of %s (%s) is left to the gateway', (channel, to, target) => {
    expect(chatOfCommand({ channel, to }).callback).toEqual({ kind: 'hook', target });
  });

  it.each([
    ['last', '777'],
    ['two words', '777'],
    ['a/b', '777'],
    ['', '777'],
    ['whatsapp', ' '],
  ])('of the channel %o (%o) has no answer', (channel, to) => {
    expect(chatOfCommand({ channel, to }).callback).toBeNull();
  });

  it('that only begins like the name of its channel keeps its beginning', () => {
    const { callback } = chatOfCommand({ channel: 'line', to: 'liner:1' });
    expect(callback).toEqual({ kind: 'hook', target: 'line:liner:1' });
  });
});

it('a thread that Telegram does not know is left to the gateway', () => {
  const { callback } = chatOfCommand({ channel: 'telegram', to: '777', messageThreadId: 'abc' });
  expect(callback).toMatchObject({ kind: 'hook' });
});
