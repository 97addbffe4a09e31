/** A Discord-compatible server on loopback. */
import { FakeChat, type SeenRequest } from './fake-chat.ts';

export type { Fate, SeenRequest } from './fake-chat.ts';

export class FakeDiscord extends FakeChat {
  protected override readonly root = '/api/v10';
  readonly #nonces = new Set<string>();

  /** A nonce that must be enforced, and was seen in this channel, makes no second message. */
  protected override keep({ path, body }: SeenRequest): void {
    const channel = decodeURIComponent(path.split('/').at(-2) ?? '');
    const nonce = `${channel} ${body.nonce}`;
    if (body.enforce_nonce === true && this.#nonces.has(nonce)) return;
    this.#nonces.add(nonce);
    this.show(channel, String(body.content));
  }

  protected override receipt({ body }: SeenRequest): object {
    return { id: '1', content: body.content };
  }

  protected override refusal(): object {
    return { message: 'no' };
  }
}
