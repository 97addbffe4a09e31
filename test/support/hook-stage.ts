/** A callback stage with a gateway that goes first. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { CallbackStage, type StageOptions } from './callback-stage.ts';

/** How long what was refused rests. */
export const REST_MS = 15 * 60_000;

export function open(options: StageOptions = {}): Promise<CallbackStage> {
  return CallbackStage.open({ hooks: 'agent', ...options });
}

/** What a reader of a channel of Discord sees of the gateway. */
export function byHook(stage: CallbackStage, target = '1'): string[] {
  return stage.gateway.hooks.conversation(`discord:channel:${target}`);
}

/** What a reader of a channel of Discord sees of the bot. */
export function byBot(stage: CallbackStage, target = '1'): string[] {
  return stage.discord.channel(target);
}

/** The idempotency keys that the gateway was given, one a request. */
export function keys(stage: CallbackStage): (string | undefined)[] {
  return stage.gateway.requests.map(({ idempotencyKey }) => idempotencyKey);
}

/** An address at which nobody listens. */
export async function nowhere(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}
