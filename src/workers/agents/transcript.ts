import { oneLine, plainText } from './plain-text.ts';
import type { AgentEvent } from './provider.ts';

const SUMMARY_CHARS = 200;
const NAME_CHARS = 60;

/**
 * What an agent says and does, for a person who reads along: its words as they are, each call of a tool in one line
 * (`[tool] Bash: ls -la`), troubles and refusals likewise. No control characters but tabs and line ends.
 */
export class Transcript {
  readonly #write: (text: string) => void;
  #isAtLineStart = true;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  add(event: AgentEvent): void {
    switch (event.kind) {
      case 'message':
        this.#say(plainText(event.text), event.continues);
        break;
      case 'tool':
        this.#note('tool', toolCall(event));
        break;
      case 'denied':
        this.#note('denied', oneLine(event.tool, NAME_CHARS));
        break;
      case 'trouble':
        this.#note('trouble', oneLine(event.message, SUMMARY_CHARS));
        break;
    }
  }

  /** Nothing more comes. */
  end(): void {
    if (!this.#isAtLineStart) this.#put('\n');
  }

  #say(text: string, continues: boolean): void {
    if (continues) this.#put(text);
    else this.#line(text);
  }

  #note(kind: string, text: string): void {
    this.#line(`[${kind}] ${text}`);
  }

  #line(text: string): void {
    this.#put(`${this.#isAtLineStart ? '' : '\n'}${text}${text.endsWith('\n') ? '' : '\n'}`);
  }

  #put(text: string): void {
    if (text === '') return;
    this.#isAtLineStart = text.endsWith('\n');
    this.#write(text);
  }
}

function toolCall({ name, input }: { name: string; input: string | null }): string {
  const shown = oneLine(name, NAME_CHARS);
  return input === null ? shown : `${shown}: ${oneLine(input, SUMMARY_CHARS)}`;
}
