import { StringDecoder } from 'node:string_decoder';

/** Beyond so many characters without a line end, a line is cut: its program means no lines. A tool's whole output is one. */
const MAX_LINE = 32 * 1024 * 1024;

/** Turns chunks of UTF-8 into lines, wherever the chunks are cut: inside a character, between `\r` and `\n`. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest: string[] = [];
  #restLength = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const [first = '', ...others] = this.#decoder.write(chunk).split('\n');
    this.#keep(first);
    for (const part of others) {
      this.#flush();
      this.#keep(part);
    }
  }

  /** Hands over a last line that has no line end. */
  end(): void {
    this.#keep(this.#decoder.end());
    if (this.#restLength > 0) this.#flush();
  }

  #keep(part: string): void {
    const fitting = part.slice(0, MAX_LINE - this.#restLength);
    this.#rest.push(fitting);
    this.#restLength += fitting.length;
  }

  #flush(): void {
    const line = this.#rest.join('');
    this.#rest = [];
    this.#restLength = 0;
    this.#onLine(line.endsWith('\r') ? line.slice(0, -1) : line);
  }
}
