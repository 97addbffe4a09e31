/** The one call of the Discord-compatible API that callbacks and `/notify` share. */
import type { Clock } from '../clock.ts';
import { type Answer, type Post, postJson, type Way } from './post.ts';

export interface DiscordApi {
  /** `https://discord.com/api/v10`, or any server that speaks like it. */
  baseUrl: string;
  clock: Clock;
  /** How long to wait for an answer; 15 s unless told. */
  timeoutMs?: number;
  way?: Way | undefined;
}

/** The longest content of a message, in characters. */
export const MAX_CONTENT_CHARS = 2_000;
const TIMEOUT_MS = 15_000;

/** The channel as one segment of a path; null for what a URL would resolve to something else. */
export function channelSegment(channel: string): string | null {
  if (channel === '' || channel === '.' || channel === '..' || !channel.isWellFormed()) return null;
  return encodeURIComponent(channel);
}

/** Rejects when there is no answer. */
export function postMessage(
  api: DiscordApi,
  message: { segment: string; token: string; body: object } & Pick<Post, 'signal' | 'followsRedirects'>,
): Promise<Answer> {
  return postJson({
    url: `${api.baseUrl.replace(/\/+$/, '')}/channels/${message.segment}/messages`,
    headers: { Authorization: `Bot ${message.token}` },
    body: message.body,
    clock: api.clock,
    timeoutMs: api.timeoutMs ?? TIMEOUT_MS,
    way: api.way,
    signal: message.signal,
    followsRedirects: message.followsRedirects,
  });
}
