/** Rules about the text of a command. A shell can say one thing in many ways: they guard against accidents. */

/** What may begin another command, or hide one. */
const BREAKS = /[;&|<>`$()\n\r]/;

export interface CommandRule {
  text: string;
  matches: (command: string) => boolean;
}

/** `*` in an allowing rule stands for nothing that could begin another command. Throws on a wrong expression. */
export function allowRule(text: string): CommandRule {
  return { text, matches: matcher(text, '[^;&|<>`$()\\n\\r]*') };
}

/** `*` in a denying rule stands for anything; it is tried on the whole text and on each of its parts. */
export function denyRule(text: string): CommandRule {
  const matches = matcher(text, '[^]*');
  return { text, matches: (command) => [command, ...command.split(BREAKS)].some((part) => matches(part)) };
}

function matcher(text: string, anything: string): (command: string) => boolean {
  const expression = /^\/(.+)\/$/s.exec(text)?.[1];
  const pattern =
    expression === undefined ? new RegExp(`^${globbed(text, anything)}$`) : new RegExp(expression);
  return (command) => pattern.test(command.trim());
}

/** Blanks count as one; everything but `*` stands for itself. */
function globbed(text: string, anything: string): string {
  const parts = text
    .trim()
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\/-]/g, '\\$&'));
  return parts.join(anything).replace(/\s+/g, '\\s+');
}
