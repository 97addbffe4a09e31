import { readFileSync } from 'node:fs';

/** A fenced block of shell commands. */
export interface ShellBlock {
  /**
   * What stands behind `sh`: nothing, `start` (in the foreground), `receiver` (in the foreground, beside that), `stopped`
   * (after that has ended), `not-run` or `proof`.
   */
  mark: string;
  commands: string;
}

/** The ```sh blocks of a Markdown file, in order. */
export function shellBlocks(path: string | URL): ShellBlock[] {
  const blocks = readFileSync(path, 'utf8').matchAll(/^```sh ?(.*)\n([\s\S]*?)^```$/gm);
  return [...blocks].map(([, mark = '', commands = '']) => ({ mark: mark.trim(), commands }));
}

/** The programs in JavaScript that it shows, in order. */
export function programs(path: string | URL): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
}
