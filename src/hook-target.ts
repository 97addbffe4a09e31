/** The `target` of a callback of kind `hook`: which hook of an OpenClaw gateway, and which conversation. */

/** A conversation in a channel of the gateway: `telegram` and `777`, `discord` and `channel:123`. */
export interface Conversation {
  channel: string;
  to: string;
}

export type HookTarget =
  /** `wake`: one line for the agent, without any output. */
  | { form: 'wake' }
  /** `<channel>:<to>`: the text for the agent, whose answer goes to the conversation. */
  | ({ form: 'agent' } & Conversation)
  /** `/<name>` or `/<name>/<channel>:<to>`: what the operator's `hooks.mappings` makes of our JSON. */
  | { form: 'mapping'; name: string; conversation: Conversation | null };

const MAPPING = /^\/([A-Za-z0-9_-]{1,64})(?:\/(.+))?$/s;
const CONVERSATION = /^([^\s/:]+):(\S|\S.*\S)$/s;
/** The gateway's own hooks come before mappings of these names, and know nothing of our JSON. */
const NO_MAPPINGS = ['wake', 'agent'];
/** To the gateway the conversation that it had last, whoever that was with. */
const NO_CHANNEL = 'last';

/** Null for what is none of the three forms. */
export function parseHookTarget(target: string): HookTarget | null {
  if (target === 'wake') return { form: 'wake' };
  if (target.startsWith('/')) return mappingOf(target);
  const conversation = conversationOf(target);
  return conversation === null ? null : { form: 'agent', ...conversation };
}

function mappingOf(target: string): HookTarget | null {
  const [, name, rest] = MAPPING.exec(target) ?? [];
  if (name === undefined || NO_MAPPINGS.includes(name)) return null;
  if (rest === undefined) return { form: 'mapping', name, conversation: null };
  const conversation = conversationOf(rest);
  return conversation === null ? null : { form: 'mapping', name, conversation };
}

/** Split at the first colon: what comes behind it is the channel's own grammar. */
function conversationOf(text: string): Conversation | null {
  const [, channel, to] = CONVERSATION.exec(text) ?? [];
  if (channel === undefined || to === undefined || channel.toLowerCase() === NO_CHANNEL) return null;
  return { channel, to };
}

/** A callback's destination, of whatever kind. */
interface ChatDestination {
  kind: string;
  target: string;
  threadId: string | null;
}

/**
 * The hook that serves a chat: `telegram:777`, or `/<path>/telegram:777` for the mapping `path`. Null where no hook
 * does: for other kinds, and for a thread of Slack, which `to` can't name; a mapping finds it in `threadId`. Measured
 * is `telegram:<chat>` alone (2026.9.6); all else is as the gateway's documentation says.
 */
export function hookTargetFor(destination: ChatDestination, path: string | null): string | null {
  const to = recipientOf(destination, path !== null);
  if (to === null) return null;
  const conversation = `${destination.kind}:${to}`;
  return path === null ? conversation : `/${path.replace(/^\/+|\/+$/g, '')}/${conversation}`;
}

function recipientOf({ kind, target, threadId }: ChatDestination, mapped: boolean): string | null {
  switch (kind) {
    case 'telegram':
      return threadId === null ? target : `${target}:topic:${threadId}`;
    case 'discord':
      // A bare id may be refused: it could be a user's. A thread is a channel.
      return `channel:${threadId ?? target}`;
    case 'slack':
      return threadId === null || mapped ? target : null;
    default:
      return null;
  }
}
