import { type Handler, parse } from './call.ts';
import { notifyBody } from './contract/notify.ts';
import type { RouteDeps } from './deps.ts';

/** `POST /notify`: one message to a channel, now. */
export function notifyHandler({ notify }: RouteDeps): Handler {
  return async ({ body }) => {
    const { channel, message } = parse(notifyBody, body);
    await notify(channel, message);
    return { ok: true };
  };
}
