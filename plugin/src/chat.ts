/**
 * Where somebody asks, and where the answer goes. A gateway names one conversation in several ways: what Discord's and
 * Slack's own slash commands call `to` is a person (`slash:…`), and then `from` has the place. Measured is Telegram
 * and webchat (2026.9.6); Discord and Slack are as their plugins for that gateway build these fields.
 */
import { createHash } from 'node:crypto';
import { parseHookTarget } from '../../src/hook-target.ts';
import type { CommandContext, ToolContext } from './openclaw.ts';

/** The `callback` of a task: see docs/callbacks.md. */
export interface Callback {
  kind: 'discord' | 'telegram' | 'slack' | 'hook';
  target: string;
  threadId?: string;
}

/** A conversation that people have in the gateway's own pages: it has no address outside of it. */
export interface Webchat {
  agentId: string;
  /** As `agent:main:main`. */
  sessionKey: string;
}

export interface Chat {
  /** The same for all that is asked there. */
  key: string;
  /** Tasks that were asked for there have it. */
  tag: string;
  /** Where the Task API sends answers; null where it can't. */
  callback: Callback | null;
  /** Where this plugin writes them; null where it need not. */
  webchat: Webchat | null;
}

/** How a gateway says where something was asked. */
interface Origin {
  channel: string;
  /** The first that names a place counts. */
  addresses: (string | undefined)[];
  nativeId?: string | undefined;
  accountId?: string | undefined;
  threadId?: string | number | undefined;
  sessionKey?: string | undefined;
  agentId?: string | undefined;
}

const WEBCHAT = 'webchat';

export function chatOfCommand(context: CommandContext): Chat {
  const { channel, channelId, to, from, accountId, messageThreadId: threadId, sessionKey, agentId } = context;
  const addresses = [to, from];
  return chatOf({ channel, addresses, nativeId: channelId, accountId, threadId, sessionKey, agentId });
}

export function chatOfTool({ deliveryContext = {}, messageChannel, sessionKey, agentId }: ToolContext): Chat {
  const { channel = messageChannel ?? '', to, accountId, threadId } = deliveryContext;
  return chatOf({ channel, addresses: [to], accountId, threadId, sessionKey, agentId });
}

function chatOf(origin: Origin): Chat {
  const { channel, accountId = 'default', threadId, sessionKey = '' } = origin;
  const webchat = channel === WEBCHAT ? webchatOf(origin) : null;
  const address = channel === WEBCHAT ? undefined : addressOf(origin);
  const callback = address === undefined ? null : callbackTo(address, origin);
  const place = callback?.target ?? address ?? sessionKey;
  const thread = callback === null || callback.kind === 'hook' ? threadId : callback.threadId;
  const key = [channel, accountId, place, thread ?? ''].join(' ');
  const tag = `chat-${createHash('sha256').update(key).digest('hex').slice(0, 16)}`;
  return { key, tag, callback, webchat };
}

function webchatOf({ sessionKey, agentId }: Origin): Webchat | null {
  return sessionKey === undefined || agentId === undefined ? null : { agentId, sessionKey };
}

/** Without the name of the channel before it. */
function addressOf({ channel, addresses }: Origin): string | undefined {
  const prefix = `${channel}:`;
  return addresses
    .filter((address) => address !== undefined)
    .map((address) => (address.startsWith(prefix) ? address.slice(prefix.length) : address))
    .find((address) => address !== '' && !address.startsWith('slash:'));
}

function callbackTo(address: string, origin: Origin): Callback | null {
  const threadId = origin.threadId === undefined ? undefined : String(origin.threadId);
  switch (origin.channel) {
    case 'telegram':
      return toTelegram(address, threadId) ?? toHook(address, origin);
    case 'discord':
      return toDiscord(address, origin.nativeId, threadId) ?? toHook(address, origin);
    case 'slack':
      return toSlack(address, threadId) ?? toHook(address, origin);
    default:
      return toHook(address, origin);
  }
}

/** What is posted to the general topic of a forum must not name it. */
const GENERAL_TOPIC = '1';

function toTelegram(address: string, threadId: string | undefined): Callback | null {
  const [, target, topic] = /^(?:group:)?(-?\d+|@\w+)(?::topic:(\d+))?$/.exec(address) ?? [];
  if (target === undefined) return null;
  const thread = threadId ?? topic;
  if (thread !== undefined && !/^\d+$/.test(thread)) return null;
  const isPlain = thread === undefined || thread === GENERAL_TOPIC;
  return { kind: 'telegram', target, ...(!isPlain && { threadId: thread }) };
}

/** A person is none of the bot's channels: the id of theirs comes with a slash command, else the gateway knows it. */
function toDiscord(address: string, nativeId = '', threadId: string | undefined): Callback | null {
  const [, channel] = /^(?:channel|group):(\d+)$/.exec(address) ?? [];
  const target = channel ?? (/^\d+$/.test(nativeId) ? nativeId : undefined);
  if (target === undefined) return null;
  return { kind: 'discord', target, ...(threadId !== undefined && { threadId }) };
}

/** A message to a person's id goes to their direct messages. Ids are upper case; session keys are not. */
function toSlack(address: string, threadId: string | undefined): Callback | null {
  const [, id] = /^(?:channel:|group:|user:)?([CDGUW](?=[A-Z]*\d)[A-Z0-9]+)$/i.exec(address) ?? [];
  if (id === undefined) return null;
  return { kind: 'slack', target: id.toUpperCase(), ...(threadId !== undefined && { threadId }) };
}

function toHook(address: string, { channel }: Origin): Callback | null {
  const target = `${channel}:${address}`;
  return parseHookTarget(target) === null ? null : { kind: 'hook', target };
}
