/** What a command writes, for a person or for a program. */
import { stripVTControlCharacters, styleText } from 'node:util';
import { StartError } from '../errors.ts';

type Style = Parameters<typeof styleText>[0];

/** Nobody reads any more (`tasks | head -1`): that is no failure, and the end of what is followed. */
export function bearClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}

/** Resolves when it is written: false when nobody reads any more. `StartError` when it can't be written. */
export function write(stream: NodeJS.WriteStream, text: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      const { code } = (error ?? {}) as NodeJS.ErrnoException;
      if (!error) resolve(true);
      else if (code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED') resolve(false);
      else reject(new StartError(`The output can't be written: ${error.message}.`));
    });
  });
}

export function print(text: string): Promise<boolean> {
  return write(process.stdout, `${text}\n`);
}

/** One document: on one line for a program, indented for a person. */
export function printJson(value: unknown): Promise<boolean> {
  return print(JSON.stringify(value, null, process.stdout.isTTY ? 2 : undefined));
}

/** A sentence beside the output, for whoever is there. */
export function tell(sentence: string): void {
  process.stderr.write(`openclaw-runner: ${visible(sentence)}\n`);
}

/** Colours, on a terminal that wants them only. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** Characters in a line of the terminal; null where there is none, and lines may be as long as they are. */
export function terminalWidth(): number | null {
  return process.stdout.isTTY ? process.stdout.columns || 80 : null;
}

/** Sentences in longer lines are hard to read. */
const MAX_LINE = 100;
const LEAST_ROOM = 20;

/** In lines of the terminal, each but the first `indent` characters in; as it is where lines have no width. */
export function wrapped(text: string, indent: number, width = terminalWidth()): string {
  if (width === null) return text;
  const room = Math.max(Math.min(width, MAX_LINE) - indent, LEAST_ROOM);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length > 0 && longer.length <= room) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

/** Lines as they are, without what a terminal would obey: they come from anybody. */
export function visible(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(/(?![\n\t])\p{Cc}|[\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** Of all that a terminal would obey, the colours stay, and end with the text. */
export function coloured(text: string): string {
  const parts = text.split(/(\u001b\[[\d;:]*m)/);
  const shown = parts.map((part, index) => (index % 2 === 1 ? part : visible(part))).join('');
  return parts.length > 1 ? `${shown}\u001b[0m` : shown;
}

/** On one line, and without what a terminal would obey: names and outputs come from anybody. */
export function inLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .trim();
}
