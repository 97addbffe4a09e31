/** A person in a chat of Telegram, who writes and reads along. */
import { eventually } from '../support/eventually.ts';
import type { FakeTelegramBotApi, Sent, Written } from '../support/fake-telegram-bot-api.ts';

/** A gateway that has just started works off what it was sent meanwhile. */
const ANSWER_BOUND_MS = 120_000;

export class Talk {
  readonly #telegram: FakeTelegramBotApi;
  readonly #chat: number;
  readonly #place: Written;
  /** How many messages were there when this was written last. */
  #since = 0;

  constructor(telegram: FakeTelegramBotApi, chat: number, place: Written = { from: chat }) {
    this.#telegram = telegram;
    this.#chat = chat;
    this.#place = place;
  }

  static inTopic(
    telegram: FakeTelegramBotApi,
    { from, chat, topic }: { from: number; chat: number; topic: number },
  ): Talk {
    const forum = { id: chat, type: 'supergroup', title: 'Us', is_forum: true };
    return new Talk(telegram, chat, { from, chat: forum, message_thread_id: topic, is_topic_message: true });
  }

  /** All that has come here, oldest first. */
  get heard(): string[] {
    return this.#here.map(({ text }) => text);
  }

  write(text: string): void {
    this.#since = this.#here.length;
    this.#telegram.write(text, this.#place);
  }

  /** Resolves with the first text like this that has come since the last `write`. */
  async hears(words: RegExp): Promise<string> {
    const since = () => this.heard.slice(this.#since);
    const said = () => since().find((text) => words.test(text));
    return eventually(`${words} in chat ${this.#chat}`, said, ANSWER_BOUND_MS).catch((error: Error) => {
      throw new Error(`${error.message}, after ${JSON.stringify(since())}`);
    });
  }

  get #here(): Sent[] {
    const { message_thread_id: topic } = this.#place;
    return this.#telegram.sent.filter(
      ({ chat_id, message_thread_id }) =>
        String(chat_id) === String(this.#chat) && message_thread_id === topic,
    );
  }
}
