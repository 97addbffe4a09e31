/** The chats and the receivers of webhooks: nobody kills them, and they misbehave as the seed says. */
import { FakeDiscord, type Fate } from '../support/fake-discord.ts';
import { FakeTelegram } from '../support/fake-telegram.ts';
import { FakeWebhook } from '../support/fake-webhook.ts';
import { type Callback, channelOf } from './callbacks.ts';
import type { Channel } from './channels.ts';
import { Random, seedOf } from './random.ts';

/** One in so many requests fares badly. */
const TROUBLE = 4;
/** Answers that are late wait until then, all together. */
const LATE_EVERY_MS = 700;
const BOT_TOKEN = 'a-bot-token-of-the-chaos-run';
const OTHER_BOT_TOKEN = 'another-bot-token-of-the-chaos-run';
const TELEGRAM_TOKEN = '1:a-bot-token-of-the-chaos-run';
/** Of each receiver of webhooks: the environment's own, and one that the callback brings. */
const SECRETS = ['whsec_b25lIG9mIHRoZSBjaGFvcyBydW4=', 'whsec_YW5vdGhlciBvZiB0aGUgY2hhb3MgcnVu'] as const;

type FarServer = Pick<FakeWebhook, 'next' | 'received' | 'release' | 'stop'>;
type Refuse = (random: Random) => Fate;

interface Open {
  discord: FakeDiscord;
  telegram: FakeTelegram;
  webhooks: [FakeWebhook, FakeWebhook];
  releasing: NodeJS.Timeout;
}

export class FarServers {
  readonly #seed: number;
  #open: Open | null = null;
  #isCalm = false;
  /** How many requests have fared badly. */
  troubles = 0;
  #lostByTelegram = 0;

  constructor(seed: number) {
    this.#seed = seed;
  }

  async open(): Promise<void> {
    const [discord, telegram, ...webhooks] = await Promise.all([
      FakeDiscord.start(),
      FakeTelegram.start(),
      FakeWebhook.start(SECRETS[0]),
      FakeWebhook.start(SECRETS[1]),
    ]);
    const all = [discord, telegram, ...webhooks];
    const releasing = setInterval(() => {
      for (const server of all) server.release();
    }, LATE_EVERY_MS);
    this.#open = { discord, telegram, webhooks, releasing };
    void this.#trouble('discord', discord, limitedByDiscord);
    void this.#trouble('telegram', telegram, limitedByTelegram);
    for (const [at, webhook] of webhooks.entries()) void this.#trouble(`webhook ${at}`, webhook, limited);
  }

  /** What a callback may name. */
  get destinations(): Callback[] {
    const [own, other] = this.#opened.webhooks;
    return [
      { kind: 'discord', target: '101' },
      { kind: 'discord', target: '102' },
      { kind: 'discord', target: '101', threadId: '103' },
      { kind: 'discord', target: '104', token: OTHER_BOT_TOKEN },
      { kind: 'discord', target: '105', token: OTHER_BOT_TOKEN },
      { kind: 'webhook', target: own.url },
      { kind: 'webhook', target: other.url, secret: SECRETS[1] },
      { kind: 'telegram', target: '-201' },
    ];
  }

  /** With what the Task API reaches them. */
  get environment(): Record<string, string> {
    const { discord, telegram } = this.#opened;
    return {
      CALLBACK_API_BASE_URL: discord.baseUrl,
      CALLBACK_BOT_TOKEN: BOT_TOKEN,
      TELEGRAM_API_BASE_URL: telegram.baseUrl,
      TELEGRAM_BOT_TOKEN: TELEGRAM_TOKEN,
      WEBHOOK_SECRET: SECRETS[0],
      WEBHOOK_ALLOWED_HOSTS: '127.0.0.1',
    };
  }

  /** What their readers see. `kills`: of the Task API, each of which may have cut off an answer. */
  channels(kills: number): Channel[] {
    return this.destinations.map((each) => {
      const { kind } = each;
      // It has no idempotency key.
      const mayRepeat = kind === 'telegram' ? this.#lostByTelegram + kills : 0;
      return { name: channelOf(each), kind, messages: this.#messagesIn(each), mayRepeat };
    });
  }

  /** From now on they behave. */
  calm(): void {
    this.#isCalm = true;
  }

  async close(): Promise<void> {
    if (this.#open === null) return;
    const { discord, telegram, webhooks, releasing } = this.#open;
    clearInterval(releasing);
    await Promise.all([discord, telegram, ...webhooks].map((server) => server.stop()));
  }

  get #opened(): Open {
    if (this.#open === null) throw new Error('the far servers are not open');
    return this.#open;
  }

  #messagesIn({ kind, target, threadId }: Callback): string[] {
    const { discord, telegram, webhooks } = this.#opened;
    if (kind === 'discord') return discord.channel(threadId ?? target);
    if (kind === 'telegram') return telegram.channel(target);
    const taken = webhooks.flatMap((webhook) => (webhook.url === target ? webhook.taken : []));
    return taken.map((body) => JSON.stringify(body));
  }

  /** One fate at a time: the next one is drawn when the request before it has met its own. */
  async #trouble(name: string, server: FarServer, refuse: Refuse): Promise<void> {
    const random = new Random(seedOf(this.#seed, name));
    for (let request = 1; !this.#isCalm; request++) {
      const fate = fateOf(random, refuse);
      server.next(fate);
      await server.received(request);
      if (fate !== 'taken') this.troubles += 1;
      if (fate === 'lost answer' && name === 'telegram') this.#lostByTelegram += 1;
    }
  }
}

function fateOf(random: Random, refuse: Refuse): Fate {
  if (!random.oneIn(TROUBLE)) return 'taken';
  switch (random.integer(0, 6)) {
    case 0:
      return refuse(random);
    case 1:
      return { status: random.pick([500, 503]) };
    case 2:
      return 'reset';
    case 3:
    case 4:
      return 'lost answer';
    default:
      return 'late answer';
  }
}

function limited(): Fate {
  return { status: 429, headers: { 'Retry-After': '1' } };
}

/** Of that route alone, or of the bot as a whole. */
function limitedByDiscord(random: Random): Fate {
  const body = { message: 'You are being rate limited.', retry_after: 0.4, global: random.oneIn(3) };
  return { status: 429, headers: { 'Retry-After': '1' }, body };
}

function limitedByTelegram(): Fate {
  return { status: 429, body: { ok: false, error_code: 429, parameters: { retry_after: 1 } } };
}
