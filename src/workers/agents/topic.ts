/** What a conversation is about: the start of the first thing that the user said. */

const NO_TOPIC = '(no topic)';
const TOPIC_CHARS = 150;

/** `saidIn`: what the user says in a line, if anything. */
export function topicOf(lines: readonly unknown[], saidIn: (line: unknown) => string | undefined): string {
  for (const line of lines) {
    const text = saidIn(line);
    if (text) return text.slice(0, TOPIC_CHARS);
  }
  return NO_TOPIC;
}

/** A property of what may be no object at all. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

/** A text, or the first of its blocks that is one; Gemini's blocks have no type. */
export function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const block = content.find((each) => (field(each, 'type') ?? 'text') === 'text');
  const text = field(block, 'text');
  return typeof text === 'string' ? text : undefined;
}
