/** Rules about the text of a command. A shell can say one thing in many ways: they guard against accidents. */

/** What may begin another command, or hide one. A line end is no blank: it ends a command. */
const BREAKS = /[;&|<>`$()\n\r]/;
/** How a shell goes on with a command on the next line. */
const CONTINUATION = '\\\n';

export interface CommandRule {
  text: string;
  matches: (command: string) => boolean;
}

/** Why it is no rule; null when it is one. */
export function ruleProblem(text: string): string | null {
  try {
    matcher(text, () => true);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** `*` in an allowing rule stands for nothing that could begin another command. Throws on a wrong expression. */
export function allowRule(text: string): CommandRule {
  return { text, matches: matcher(text, (part) => !BREAKS.test(part)) };
}

/** `*` in a denying rule stands for anything; it is tried on the whole text and on each of its parts. */
export function denyRule(text: string): CommandRule {
  const matches = matcher(text, () => true);
  const partsOf = (command: string) => [command, ...command.replaceAll(CONTINUATION, '').split(BREAKS)];
  return { text, matches: (command) => partsOf(command).some((part) => matches(part)) };
}

function matcher(text: string, mayFill: (part: string) => boolean): (command: string) => boolean {
  const source = /^\/(.+)\/$/s.exec(text)?.[1];
  if (source !== undefined) {
    const expression = new RegExp(source);
    return (command) => expression.test(command.trim());
  }
  const pieces = plain(text).split('*');
  return (command) => isMadeOf(pieces, plain(command), mayFill);
}

/** Blanks count as one, and around a text as none. */
function plain(text: string): string {
  return text.replace(/[ \t]+/g, ' ').replace(/^[ \n]+|[ \n]+$/g, '');
}

/**
 * Whether `text` is these pieces in their order, with what may fill the gaps between them. Each piece is taken where it
 * comes first: no later place has a gap before it that could be filled when this one's could not. So it takes time in
 * proportion to the text, where a regular expression can be made to hold up the runner for minutes.
 */
function isMadeOf(pieces: readonly string[], text: string, mayFill: (part: string) => boolean): boolean {
  const [first = '', ...others] = pieces;
  const last = others.pop();
  if (last === undefined) return text === first;
  const end = text.length - last.length;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const piece of others) {
    const found = text.indexOf(piece, at);
    if (found === -1 || !mayFill(text.slice(at, found))) return false;
    at = found + piece.length;
  }
  return at <= end && mayFill(text.slice(at, end));
}
