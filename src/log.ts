import pino from 'pino';

export type Log = pino.Logger;

/** Names under which a secret could reach a log line. */
const SECRET_KEYS = ['authorization', 'token', 'callbackBotToken', 'WORKER_TOKEN', 'CALLBACK_BOT_TOKEN'];

/** Readable lines on a terminal, JSON lines elsewhere. Never logs a command, a prompt or a token at `info`. */
export async function createLog(options: { level: string; terminal: boolean }): Promise<Log> {
  const redact = { paths: SECRET_KEYS.flatMap((key) => [key, `*.${key}`]), censor: '[secret]' };
  const settings: pino.LoggerOptions = { level: options.level, redact, base: null };
  if (!options.terminal)
    return pino({ ...settings, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination({ sync: true }));
  const { default: pretty } = await import('pino-pretty');
  return pino(
    settings,
    pretty({
      colorize: process.stdout.hasColors(),
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss',
      sync: true,
    }),
  );
}
