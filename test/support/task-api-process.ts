/** A Task API as a real process, with the status of its answers; and commands that refuse. */
import { expect } from 'vitest';
import { eventually } from './eventually.ts';
import { launch, type Running, ready, TOKEN } from './processes.ts';
import { ours, outcomeOf } from './terminal.ts';

const HEADERS = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

/** A Task API whose data folder is `home`. */
export class Api {
  readonly running: Running;
  readonly url: string;

  private constructor(running: Running, url: string) {
    this.running = running;
    this.url = url;
  }

  static async start(env: Record<string, string>): Promise<Api> {
    const running = launch('task-api', env);
    return new Api(running, (await ready(running)).url);
  }

  async get(path: string) {
    return answerOf(await fetch(this.url + path, { headers: HEADERS }));
  }

  async post(path: string, body: object) {
    const init = { method: 'POST', headers: HEADERS, body: JSON.stringify(body) };
    return answerOf(await fetch(this.url + path, init));
  }

  /** Submits tasks of `bytes` until one is refused; the ids of those that were acknowledged. */
  async submitUntilRefused(bytes: number): Promise<string[]> {
    const ids: string[] = [];
    for (;;) {
      const { status, body } = await this.post('/files/write', { path: '/x', content: 'x'.repeat(bytes) });
      if (status !== 200) {
        expect([status, body.code]).toEqual([503, 'storage_unavailable']);
        return ids;
      }
      ids.push(body.taskId);
    }
  }

  async submit(count: number): Promise<string[]> {
    const answers = await Promise.all(
      Array.from({ length: count }, () => this.post('/tasks', { command: 'true' })),
    );
    return answers.map(({ body }) => body.taskId);
  }

  /** What can be read is read, whatever can't be written. */
  async expectReads(taskId: string): Promise<void> {
    const reads = [
      ...['/tasks?limit=5', `/tasks/${taskId}/state`, `/tasks/${taskId}?keep=1`, '/tasks/stats'],
      ...['/health', '/events?limit=5', '/events/stats', '/sessions/stats'],
    ];
    for (const path of reads) expect([path, (await this.get(path)).status]).toEqual([path, 200]);
  }

  async expectAll(taskIds: readonly string[]): Promise<void> {
    for (const id of taskIds) expect((await this.get(`/tasks/${id}/state`)).status).toBe(200);
  }

  problems(): Promise<string[]> {
    return this.get('/ready').then(({ body }) => body.problems ?? []);
  }

  async isReady(): Promise<void> {
    await eventually('/ready', async () => (await this.get('/ready')).status === 200);
  }
}

async function answerOf(response: Response) {
  const body = (await response.json()) as ReturnType<typeof JSON.parse>;
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body };
}

/** The one sentence of a command that does nothing: a start, unless told. */
export async function refusal(env: Record<string, string>, ...command: string[]): Promise<string> {
  const { code, out, err } = await outcomeOf(ours(...(command.length === 0 ? ['task-api'] : command)), {
    env,
  });
  expect({ code, out, lines: err.split('\n').length }).toEqual({ code: 1, out: '', lines: 2 });
  expect(err).not.toMatch(/\n\s+at |node:/);
  return err.trim();
}
