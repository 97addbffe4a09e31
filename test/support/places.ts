/** How gateways name the places where somebody asks, and where the answer goes. */
import { type Chat, chatOfCommand, chatOfTool } from '../../plugin/src/chat.ts';
import type { CommandContext, ToolContext } from '../../plugin/src/openclaw.ts';
import { WEBCHAT, WEBCHAT_AGENT } from './plugin.ts';

/** One way to ask there. */
export type Way = { command: CommandContext } | { tool: ToolContext };

export interface Place {
  name: string;
  callback: Chat['callback'];
  /** All lead to one conversation. */
  ways: Way[];
}

export function chatOf(way: Way): Chat {
  return 'tool' in way ? chatOfTool(way.tool) : chatOfCommand(way.command);
}

/** Each conversation has a name in the gateway, too. */
const GATEWAY = { agentId: 'main', sessionKey: 'agent:main:main' };

function command(channel: string, context: Partial<CommandContext>): Way {
  return { command: { ...GATEWAY, channel, accountId: 'default', ...context } };
}

function tool(channel: string, to: string, threadId?: string | number): Way {
  const deliveryContext = { channel, to, accountId: 'default', ...(threadId !== undefined && { threadId }) };
  return { tool: { ...GATEWAY, messageChannel: channel, deliveryContext } };
}

const telegram = (context: Partial<CommandContext>) =>
  command('telegram', { channelId: 'telegram', ...context });
const discord = (context: Partial<CommandContext>) => command('discord', context);
const slack = (context: Partial<CommandContext>) => command('slack', { channelId: 'slack', ...context });

const TELEGRAM: Place[] = [
  {
    name: 'a person on Telegram',
    callback: { kind: 'telegram', target: '777' },
    ways: [
      telegram({ from: 'telegram:777', to: 'telegram:777' }),
      telegram({ from: 'telegram:777', to: 'slash:777' }),
      telegram({ from: 'telegram:777', to: 'telegram:slash:777' }),
      telegram({ from: 'telegram:777' }),
      telegram({ from: 'telegram:777', to: '' }),
      { command: { channel: 'telegram', to: 'telegram:777' } },
      tool('telegram', 'telegram:777'),
      tool('telegram', '777'),
      { tool: { messageChannel: 'telegram', deliveryContext: { to: 'telegram:777' } } },
    ],
  },
  {
    name: 'a group on Telegram, and the general topic of one that is a forum',
    callback: { kind: 'telegram', target: '-1001' },
    ways: [
      telegram({ from: 'telegram:group:-1001', to: 'telegram:-1001' }),
      telegram({ from: 'telegram:group:-1001', to: 'slash:9' }),
      telegram({ to: 'telegram:group:-1001' }),
      telegram({ to: 'telegram:-1001', messageThreadId: 1 }),
      telegram({ to: 'telegram:-1001', messageThreadId: '1' }),
      telegram({ to: 'telegram:group:-1001:topic:1' }),
      tool('telegram', 'telegram:group:-1001'),
      tool('telegram', 'telegram:-1001', 1),
    ],
  },
  {
    name: 'a topic on Telegram',
    callback: { kind: 'telegram', target: '-1001', threadId: '42' },
    ways: [
      telegram({ to: 'telegram:-1001', messageThreadId: 42 }),
      telegram({ to: 'telegram:-1001', messageThreadId: '42' }),
      telegram({ to: 'telegram:-1001:topic:42' }),
      telegram({ to: 'telegram:group:-1001:topic:42', messageThreadId: 42 }),
      telegram({ from: 'telegram:group:-1001:topic:42', to: 'slash:9' }),
      tool('telegram', 'telegram:-1001:topic:42'),
      tool('telegram', 'telegram:-1001', 42),
    ],
  },
  {
    name: 'a topic that the thread tells, whatever the address ends with',
    callback: { kind: 'telegram', target: '-1001', threadId: '43' },
    ways: [
      telegram({ to: 'telegram:-1001:topic:42', messageThreadId: 43 }),
      tool('telegram', 'telegram:-1001:topic:1', '43'),
    ],
  },
  {
    name: 'a channel on Telegram by its name',
    callback: { kind: 'telegram', target: '@news_1' },
    ways: [telegram({ to: 'telegram:@news_1' }), tool('telegram', '@news_1')],
  },
];

const DISCORD: Place[] = [
  {
    name: 'a channel on Discord',
    callback: { kind: 'discord', target: '123' },
    ways: [
      discord({ channelId: '123', from: 'discord:channel:123', to: 'slash:9' }),
      discord({ channelId: 'discord', from: 'discord:channel:123', to: 'channel:123' }),
      discord({ channelId: 'discord', from: 'discord:channel:123', to: 'discord:channel:123' }),
      tool('discord', 'channel:123'),
    ],
  },
  {
    name: 'a thread on Discord',
    callback: { kind: 'discord', target: '900', threadId: '900' },
    ways: [
      discord({ channelId: '900', from: 'discord:channel:900', to: 'slash:9', messageThreadId: '900' }),
      discord({ channelId: 'discord', to: 'channel:900', messageThreadId: '900' }),
      tool('discord', 'channel:900', '900'),
    ],
  },
  {
    name: 'the direct messages of the bot on Discord, by a slash command',
    callback: { kind: 'discord', target: '555' },
    ways: [discord({ channelId: '555', from: 'discord:9', to: 'slash:9' })],
  },
  {
    name: 'the direct messages of the bot on Discord, by a text',
    callback: { kind: 'hook', target: 'discord:user:9' },
    ways: [
      discord({ channelId: 'discord', from: 'discord:9', to: 'user:9' }),
      tool('discord', 'user:9'),
      tool('discord', 'discord:user:9'),
    ],
  },
  {
    name: 'a group of direct messages on Discord',
    callback: { kind: 'discord', target: '77' },
    ways: [
      discord({ channelId: '77', from: 'discord:group:77', to: 'slash:9' }),
      discord({ channelId: 'discord', from: 'discord:group:77', to: 'channel:77' }),
      tool('discord', 'group:77'),
    ],
  },
];

const SLACK: Place[] = [
  {
    name: 'a channel on Slack',
    callback: { kind: 'slack', target: 'C0ABC' },
    ways: [
      slack({ from: 'slack:channel:C0ABC', to: 'channel:C0ABC' }),
      slack({ from: 'slack:channel:c0abc', to: 'slack:channel:c0abc' }),
      slack({ from: 'slack:channel:C0ABC', to: 'slash:U1' }),
      tool('slack', 'channel:C0ABC'),
      tool('slack', 'channel:c0abc'),
    ],
  },
  {
    name: 'a thread on Slack',
    callback: { kind: 'slack', target: 'C0ABC', threadId: '1700000000.0001' },
    ways: [
      slack({ to: 'channel:C0ABC', messageThreadId: '1700000000.0001' }),
      tool('slack', 'slack:channel:c0abc', '1700000000.0001'),
    ],
  },
  {
    name: 'a person on Slack',
    callback: { kind: 'slack', target: 'U1' },
    ways: [
      slack({ from: 'slack:U1', to: 'user:U1' }),
      slack({ from: 'slack:U1', to: 'slash:U1' }),
      tool('slack', 'user:u1'),
    ],
  },
  {
    name: 'several people on Slack',
    callback: { kind: 'slack', target: 'G9' },
    ways: [slack({ from: 'slack:group:G9', to: 'slash:U1' }), tool('slack', 'group:G9')],
  },
];

const OTHERS: Place[] = [
  {
    name: 'a person on WhatsApp',
    callback: { kind: 'hook', target: 'whatsapp:+491701234567' },
    ways: [
      command('whatsapp', { from: 'whatsapp:+491701234567', to: 'whatsapp:+491701234567' }),
      tool('whatsapp', '+491701234567'),
    ],
  },
  {
    name: 'a group on WhatsApp',
    callback: { kind: 'hook', target: 'whatsapp:120363@g.us' },
    ways: [command('whatsapp', { to: '120363@g.us' }), tool('whatsapp', 'whatsapp:120363@g.us')],
  },
  {
    name: 'a group on Signal',
    callback: { kind: 'hook', target: 'signal:group:abc/def+g==' },
    ways: [command('signal', { to: 'signal:group:abc/def+g==' }), tool('signal', 'group:abc/def+g==')],
  },
  {
    name: 'a room on Matrix',
    callback: { kind: 'hook', target: 'matrix:room:!abc:example.org' },
    ways: [
      command('matrix', { from: 'matrix:@me:example.org', to: 'room:!abc:example.org' }),
      tool('matrix', 'matrix:room:!abc:example.org'),
    ],
  },
  {
    name: 'a thread of a room on Matrix',
    callback: { kind: 'hook', target: 'matrix:room:!abc:example.org' },
    ways: [
      command('matrix', { to: 'room:!abc:example.org', messageThreadId: '$event:example.org' }),
      tool('matrix', 'room:!abc:example.org', '$event:example.org'),
    ],
  },
];

/** Where the gateway can't send anything to by itself. */
const NOWHERE: Place[] = [
  {
    name: 'the web chat of the gateway',
    callback: null,
    ways: [
      { command: WEBCHAT },
      { command: { ...WEBCHAT, from: undefined, to: undefined } },
      { tool: WEBCHAT_AGENT },
      { tool: { ...WEBCHAT_AGENT, deliveryContext: undefined } },
      tool('webchat', 'agent:main:main'),
    ],
  },
  {
    name: 'another web chat of the gateway',
    callback: null,
    ways: [{ command: { ...WEBCHAT, sessionKey: 'agent:main:second' } }],
  },
  {
    name: 'a conversation without an address',
    callback: null,
    ways: [command('api', { sessionKey: 'agent:main:one' })],
  },
  {
    name: 'another conversation without an address',
    callback: null,
    ways: [command('api', { sessionKey: 'agent:main:two', to: '' })],
  },
  {
    name: 'the turn of an agent that nobody asked for',
    callback: null,
    ways: [{ tool: {} }, { tool: { deliveryContext: {} } }],
  },
  {
    name: 'a person who is known by a slash command only',
    callback: null,
    ways: [slack({ to: 'slash:U1', sessionKey: 'agent:main:slack' })],
  },
];

export const PLACES: readonly Place[] = [...TELEGRAM, ...DISCORD, ...SLACK, ...OTHERS, ...NOWHERE];
