/** A bot of examples/ as a real process, beside a real Task API whose runner is the test. */
import { expect } from 'vitest';
import { TOKEN } from './processes.ts';
import type { Api } from './task-api-process.ts';
import { run, type Session } from './terminal.ts';

/** Who may use the bot. */
export const FRIEND = 4_242;
export const STRANGER = 6_666;

export interface Taken {
  id: string;
  type: string;
  prompt: string;
  sessionId: string;
  [field: string]: unknown;
}

/** Started, but perhaps not ready. */
export function launchBot(name: 'discord' | 'telegram', env: Record<string, string>): Session {
  const usual = { PATH: process.env.PATH ?? '', WORKER_TOKEN: TOKEN, ALLOWED_USERS: `1, ${FRIEND}` };
  return run([process.execPath, `examples/${name}-bot.ts`], { env: { ...usual, ...env } });
}

/** The next prompt, as a runner takes it. */
export async function taken(api: Api): Promise<Taken> {
  const { body } = await api.get('/worker/poll?wait=10000');
  expect(body).toMatchObject({ id: expect.any(String) });
  return body;
}

/** As a runner ends it. */
export async function finish(api: Api, taskId: string, stdout: string): Promise<void> {
  const { status } = await api.post('/worker/result', { taskId, stdout, stderr: '', exitCode: 0 });
  expect(status).toBe(200);
}

/** The ids of all tasks, newest first. */
export async function submitted(api: Api): Promise<string[]> {
  const { body } = await api.get('/tasks');
  return body.tasks.map(({ taskId }: { taskId: string }) => taskId);
}
