/**
 * What a callback takes and what it refuses. No message leaves this machine: the chats and the gateway are the run's own
 * (`stage.ts`), and a webhook never gets as far as a connection, since it is to go to this machine itself.
 */
import {
  CALLBACK_KINDS,
  CALLBACK_MOMENTS,
  CALLBACK_STATUSES,
  type CallbackKind,
} from '../../src/destination.ts';
import { type Field, lenientText, NAME, queryChoice, queryInteger, type Value } from './fields.ts';
import type { Random } from './random.ts';
import { BOT_SECRET, QUERY_SECRET, SIGNING_SECRET } from './secrets.ts';
import { textOf, words } from './values.ts';

/** What is sent there is refused for good: channels that begin so are not known to the run's own chat. */
export const NOWHERE = 'nowhere-';
/** A token with this in it is none that the run's own chat takes. */
export const REVOKED = 'revoked';

const WEBHOOK = `http://127.0.0.1:3999/hook?key=${QUERY_SECRET}`;
const THREAD_TS = '1763812800.000100';

/** Each with its own way to name a place, a thread in it, and a credential. */
type Destination = (random: Random, marker: string) => Record<string, Value>;
const DESTINATIONS: Readonly<Record<CallbackKind, Destination>> = {
  discord: (random, marker) => ({
    target: random.pick<Value>([
      marker,
      `${NOWHERE}${marker}`,
      ' 1234567890123456789 ',
      42,
      'x'.repeat(2_000),
    ]),
    threadId: random.pick<Value>([undefined, marker, 7, 'x'.repeat(100)]),
    token: random.pick([undefined, BOT_SECRET, `${BOT_SECRET}-${REVOKED}`, 'x'.repeat(1_000)]),
  }),
  telegram: (random) => ({
    target: random.pick<Value>([777, -1_001_234_567_890, '777', '-1001234567890', '@a_channel']),
    threadId: random.pick<Value>([undefined, 5, '5', 2 ** 53 - 1]),
    token: random.pick([undefined, `123456:${BOT_SECRET}`]),
  }),
  slack: (random) => ({
    target: random.pick(['C0123456789', '#general', 'a.name-with_dots', 'x'.repeat(100)]),
    threadId: random.pick([undefined, THREAD_TS]),
    token: random.pick([undefined, `xoxb-${BOT_SECRET}`, `xoxb-${BOT_SECRET}-${REVOKED}`]),
  }),
  webhook: (random) => ({
    target: random.pick([WEBHOOK, `${WEBHOOK}#part`, 'https://localhost:3999/', 'HTTP://127.0.0.1:3999']),
    secret: random.pick([undefined, `whsec_${SIGNING_SECRET}`, `whsec_${SIGNING_SECRET}  whsec_c2Vjb25k`]),
  }),
  hook: (random, marker) => ({
    target: random.pick([
      'wake',
      'telegram:777',
      'discord:channel:123',
      '/mapping',
      `/mapping/slack:${marker}`,
    ]),
    token: random.pick([undefined, BOT_SECRET]),
  }),
};

const DISCORD = { kind: 'discord', target: '1' };
const TELEGRAM = { kind: 'telegram', target: '1' };
const SLACK = { kind: 'slack', target: 'C1' };
const HOOK = { kind: 'hook', target: 'wake' };
const TO_WEB = { kind: 'webhook', target: WEBHOOK };

/** `change` in each of the values. */
function each(base: Record<string, Value>, name: string, values: readonly Value[]): Value[] {
  return values.map((value) => ({ ...base, [name]: value }) as Value);
}

const NO_CALLBACKS: readonly Value[] = [
  ...[null, '', 'discord:1', 5, true, [], [DISCORD], {}, { kind: 'discord' }, { target: '1' }],
  ...each(DISCORD, 'kind', ['', 'Discord', 'irc', null, 5, ['discord'], {}]),
  ...each(DISCORD, 'target', [
    undefined,
    '',
    '  ',
    null,
    true,
    [],
    {},
    0.5,
    2 ** 53,
    1e308,
    'x'.repeat(2_001),
  ]),
  ...each(DISCORD, 'target', ['.', ' .. ', '\ud800']),
  ...each(DISCORD, 'threadId', ['', ' ', null, true, [], {}, 0.5, 2 ** 53, '..', '\ud800', 'x'.repeat(101)]),
  ...each(DISCORD, 'token', ['', null, 5, [], {}, ' x', 'a b', 'a\nb', 'é', 'x\0', 'x'.repeat(1_001)]),
  ...each(DISCORD, 'on', [null, 'failed', {}, [], ['ended'], [null], ['failed', 'failed'], [['failed']]]),
  ...['secret', 'thread', 'threadID', 'channel', 'url', 'callback', ''].map(
    (name) => ({ ...DISCORD, [name]: 'x' }) as Value,
  ),
  JSON.parse('{"kind": "discord", "target": "1", "__proto__": {"token": "x"}}'),
  ...each(TELEGRAM, 'target', ['a chat', 'name', '@', '@a-b', '1.5', '--1', '1'.repeat(21), 'wake']),
  ...each(TELEGRAM, 'threadId', [-1, 'general', '1.5', '9'.repeat(17)]),
  ...each(SLACK, 'target', ['a b', 'C1/C2', 'x'.repeat(101), 'https://slack.example/C1']),
  ...each(HOOK, 'target', [
    'sleep',
    '/',
    '/a b',
    '/wake',
    '/agent',
    'telegram:',
    ':777',
    'last:1',
    'a b:1',
    '/a/b',
  ]),
  ...each(HOOK, 'threadId', ['1', 1]),
  ...each(HOOK, 'secret', [`whsec_${SIGNING_SECRET}`]),
  ...each(TO_WEB, 'target', [
    '/hook',
    'localhost',
    'ftp://h/x',
    'javascript:1',
    'http://',
    'file:///etc/passwd',
  ]),
  ...each(TO_WEB, 'target', [
    'https://user:word@h/x',
    'https://user@h/x',
    'https://:word@h/x',
    'https://h/x?…',
    5,
  ]),
  ...each(TO_WEB, 'threadId', ['1', 1]),
  ...each(TO_WEB, 'token', ['x']),
  ...each(TO_WEB, 'secret', ['', 'x', 'whsec_', 'whsec_$', `whsec_${SIGNING_SECRET} x`, null, 5, []]),
];

function callbackOf(random: Random, marker: string): Value {
  const kind = random.pick(CALLBACK_KINDS);
  const on = random.pick([undefined, ['started'], ['failed', 'cancelled'], [...CALLBACK_MOMENTS]]);
  return { kind, ...DESTINATIONS[kind](random, marker), ...(on && { on }) } as Value;
}

export const callback: Field = {
  valid: (random, marker) => (random.chance(0.4) ? callbackOf(random, marker) : undefined),
  invalid: (random) => random.pick(NO_CALLBACKS),
};

/** The older way to say the same; valid requests never say both (`requests.ts`). */
export const OLDER: Readonly<Record<string, Field>> = {
  callbackChannel: lenientText(NAME),
  callbackBotToken: {
    valid: (random) => (random.chance(0.5) ? `${BOT_SECRET} ${words(random)}` : undefined),
    invalid: (random) => textOf(random, NAME + 1),
  },
};

/** Of `GET /callbacks`. */
export const LISTING: Readonly<Record<string, Field>> = {
  status: queryChoice(CALLBACK_STATUSES),
  taskId: { valid: (random, marker) => random.pick([undefined, marker]), invalid: () => '' },
  limit: queryInteger(1, 500),
  cursor: {
    valid: (random) => random.pick([undefined, '0', '1', '9'.repeat(15)]),
    invalid: (random) => random.pick(['', '-1', 'x', '1.5', '9'.repeat(16)]),
  },
};
