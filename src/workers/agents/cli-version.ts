import { stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { ExecutionContext } from '../executor.ts';
import type { ProcessOutcome } from '../process.ts';
import { oneLine } from './plain-text.ts';

/** Gemini needs 14 s on a busy machine. */
const ASK_MS = 30_000;
const VERSION_CHARS = 100;

/** What the CLIs say that their version is. Each is asked once, and again when its file has changed. */
export class CliVersions {
  readonly #asked = new Map<string, { mtimeMs: number; answer: Promise<string | null> }>();

  /** Null where it can't be learnt. Never rejects. */
  async of(file: string, flag: string, context: ExecutionContext): Promise<string | null> {
    const found = await locate(file, context.environment().PATH ?? '');
    if (found === null) return null;
    const known = this.#asked.get(found.path);
    if (known?.mtimeMs === found.mtimeMs) return known.answer;
    const answer = this.#ask(found.path, flag, context);
    this.#asked.set(found.path, { mtimeMs: found.mtimeMs, answer });
    return answer;
  }

  async #ask(file: string, flag: string, context: ExecutionContext): Promise<string | null> {
    const env = context.environment();
    const asking = context.run({ file, args: [flag], env, timeoutMs: ASK_MS });
    const outcome = await asking.catch(() => null);
    if (outcome !== null && !outcome.aborted && !outcome.timedOut && outcome.spawnError === null)
      return versionIn(outcome);
    // It was not let begin or finish: the next task asks again.
    this.#asked.delete(file);
    return null;
  }
}

function versionIn({ exitCode, stdout }: ProcessOutcome): string | null {
  if (exitCode !== 0) return null;
  return (
    /\d+\.\d+\.\d+[\w.+-]*/.exec(stdout)?.[0].slice(0, VERSION_CHARS) ??
    (oneLine(stdout, VERSION_CHARS) || null)
  );
}

/** The file that a name on PATH means, and when it was changed; of a link, the file behind it. */
async function locate(file: string, path: string): Promise<{ path: string; mtimeMs: number } | null> {
  const candidates = file.includes('/') ? [file] : path.split(delimiter).map((folder) => join(folder, file));
  for (const candidate of candidates) {
    const stats = await stat(candidate).catch(() => null);
    if (stats?.isFile()) return { path: candidate, mtimeMs: stats.mtimeMs };
  }
  return null;
}
