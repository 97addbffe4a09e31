/** What a conversation is about: the start of the first thing that the user said, in each CLI's own format. */

const NO_TOPIC = '(no topic)';
const TOPIC_CHARS = 150;
/** `/new …` and `@bot /new …` are orders to a bot, no topics. */
const BOT_ORDER = /^(@\S+\s+)?\//;

export type TopicOf = (lines: readonly unknown[]) => string;

export const claudeTopic = firstText(spoken);
export const codexTopic = firstText((line) => spoken(line) ?? typed(line));
export const geminiTopic = firstText((line) =>
  field(line, 'type') === 'user' ? textOf(field(line, 'content')) : undefined,
);

/** A property of what may be no object at all. */
export function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function firstText(textOfLine: (line: unknown) => string | undefined): TopicOf {
  return (lines) => {
    for (const line of lines) {
      const text = textOfLine(line);
      if (text) return text.slice(0, TOPIC_CHARS);
    }
    return NO_TOPIC;
  };
}

/** `{message: {role: "user", content: text or blocks}}` */
function spoken(line: unknown): string | undefined {
  const message = field(line, 'message');
  return field(message, 'role') === 'user' ? textOf(field(message, 'content')) : undefined;
}

/** `{type: "event_msg", payload: {type: "user_message", message: text}}` */
function typed(line: unknown): string | undefined {
  const payload = field(line, 'payload');
  if (field(line, 'type') !== 'event_msg' || field(payload, 'type') !== 'user_message') return undefined;
  const text = field(payload, 'message');
  const said = typeof text === 'string' ? text.trim() : '';
  return BOT_ORDER.test(said) ? undefined : said;
}

/** A text, or the first of its blocks that is one; Gemini's blocks have no type. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const block = content.find((each) => (field(each, 'type') ?? 'text') === 'text');
  const text = field(block, 'text');
  return typeof text === 'string' ? text : undefined;
}
