/** Telegram's Bot API on loopback. A topic of a chat is the channel `<chat>/<topic>`. */
import { asciiJson, FakeChat, type SeenRequest } from './fake-chat.ts';

export type { Fate } from './fake-chat.ts';

export class FakeTelegram extends FakeChat {
  protected override readonly root = '';

  protected override keep({ body }: SeenRequest): void {
    const topic = body.message_thread_id === undefined ? '' : `/${body.message_thread_id}`;
    this.show(`${body.chat_id}${topic}`, String(body.text));
  }

  protected override receipt({ body }: SeenRequest): string {
    return asciiJson({ ok: true, result: { message_id: 1, chat: { id: body.chat_id }, text: body.text } });
  }

  protected override refusal(status: number): object {
    return { ok: false, error_code: status, description: 'no' };
  }
}
