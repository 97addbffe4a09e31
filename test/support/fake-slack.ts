/** Slack's Web API on loopback. A thread of a channel is the channel `<channel>/<thread_ts>`. */
import { asciiJson, FakeChat, type SeenRequest } from './fake-chat.ts';

export type { Fate } from './fake-chat.ts';

/** Longer texts are cut. */
const MAX_TEXT_CHARS = 40_000;
const UNESCAPED: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' };

export class FakeSlack extends FakeChat {
  protected override readonly root = '/api';

  protected override keep({ body }: SeenRequest): void {
    const thread = body.thread_ts === undefined ? '' : `/${body.thread_ts}`;
    this.show(`${body.channel}${thread}`, shown(String(body.text).slice(0, MAX_TEXT_CHARS)));
  }

  protected override receipt({ body }: SeenRequest): string {
    return asciiJson({
      ok: true,
      channel: body.channel,
      ts: '1763812800.000100',
      message: { text: body.text },
    });
  }

  /** Its errors come with a 200, which says nothing. */
  protected override refusal(): object {
    return { ok: false, error: 'internal_error' };
  }
}

/** As a reader sees it, if it holds neither mention nor link. */
function shown(text: string): string {
  return text.replace(/&(?:amp|lt|gt);/g, (entity) => UNESCAPED[entity] ?? entity);
}
