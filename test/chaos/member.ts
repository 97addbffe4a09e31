/** A process of the run that is killed and started again. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface MemberParts {
  name: string;
  /** Its home and its temporary folders are in here. */
  folder: string;
  /** What `node` is to run; asked at each start. */
  how: () => { args: string[]; env?: Record<string, string> };
  /** Every line that it logs. */
  onLine?: (line: string) => void;
  /** It has ended, and nobody had asked it to. */
  onLoss: (sentence: string) => void;
}

export class Member {
  readonly name: string;
  readonly #parts: MemberParts;
  readonly #log: WriteStream;
  #child: ChildProcess | null = null;
  #instances = 0;
  #isMeant = false;
  #lastLine = 'it had said nothing';
  /** The seed's kills and troubles leave it alone, since a scene needs it as it is. */
  isReserved = false;

  constructor(parts: MemberParts) {
    this.name = parts.name;
    this.#parts = parts;
    mkdirSync(parts.folder, { recursive: true });
    this.#log = createWriteStream(`${parts.folder}.log`, { flags: 'a' });
  }

  /** And not being ended. */
  get isUp(): boolean {
    return this.#child !== null && !this.#isMeant;
  }

  /** The temporary folder of the current instance: every process that descends from it has it in its environment. */
  get mark(): string {
    return join(this.#parts.folder, 'tmp', String(this.#instances));
  }

  start(): void {
    const { folder, how } = this.#parts;
    const { args, env } = how();
    this.#instances += 1;
    mkdirSync(this.mark, { recursive: true });
    const own = { PATH: process.env.PATH ?? '', HOME: folder, TMPDIR: this.mark };
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    const child = spawn(process.execPath, args, { env: { ...own, ...env }, stdio: [...stdio] });
    this.#child = child;
    this.#isMeant = false;
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
    child.once('exit', (code, signal) => {
      this.#child = null;
      if (this.#isMeant) return;
      const how = `${this.name} ended by itself, with ${signal ?? `code ${code}`}`;
      // Its last words may still be on their way.
      child.once('close', () => this.#parts.onLoss(`${how}: ${this.#lastLine}`));
    });
  }

  /** SIGKILL, awaited. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM, and SIGKILL when that took too long. Its exit code; null when it had to be killed. */
  async stop(patienceMs: number): Promise<number | null> {
    const timer = setTimeout(() => void this.kill(), patienceMs);
    const code = await this.#end('SIGTERM');
    clearTimeout(timer);
    this.#log.end();
    return code;
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === null) return 0;
    this.#isMeant = true;
    const exited = once(child, 'exit') as Promise<[number | null]>;
    child.kill(signal);
    return (await exited)[0];
  }

  #hear(line: string): void {
    if (!this.#log.writableEnded) this.#log.write(`${line}\n`);
    if (line.trim() !== '') this.#lastLine = line;
    this.#parts.onLine?.(line);
  }
}
