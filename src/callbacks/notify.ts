/** `POST /notify`: one message, sent at once, with the caller waiting for what comes of it. */
import { AppError } from '../errors.ts';
import { channelSegment, type DiscordApi, MAX_CONTENT_CHARS, postMessage } from './discord-api.ts';
import { type Answer, conceal } from './post.ts';

export type Notify = (channel: string, message: string) => Promise<void>;

/**
 * Sends the first 2,000 characters of `message`. Rejects with `AppError`: `internal` without a bot token,
 * `invalid_field` for a channel that is none, `upstream_failed` for a network error and any answer but 2xx.
 */
export function createNotify(settings: DiscordApi & { token: string | null }): Notify {
  return async (channel, message) => {
    const { token } = settings;
    if (token === null) throw new AppError('internal', 'CALLBACK_BOT_TOKEN not set');
    const segment = channelSegment(channel);
    if (segment === null) throw new AppError('invalid_field', 'channel is not valid', { field: 'channel' });
    const content = message.slice(0, MAX_CONTENT_CHARS);
    const request = { segment, token, body: { content }, followsRedirects: true };
    const answer = await postMessage(settings, request).catch((error: Error): never => {
      throw new AppError('upstream_failed', conceal(error.message, token));
    });
    if (answer.status < 200 || answer.status >= 300) throw refusal(answer, token);
  };
}

function refusal(answer: Answer, token: string): AppError {
  return new AppError('upstream_failed', `Callback API ${answer.status}: ${conceal(answer.text, token)}`);
}
