/** Where a submission wants its outcome told: `callback`, or the older `callbackChannel` and `callbackBotToken`. */
import * as z from 'zod';
import {
  CALLBACK_KINDS,
  CALLBACK_MOMENTS,
  CALLBACK_STATUSES,
  type CallbackKind,
  type CallbackTarget,
  isShownTarget,
  USUAL_MOMENTS,
} from '../../destination.ts';
import { AppError } from '../../errors.ts';
import { parseHookTarget } from '../../hook-target.ts';
import { secretProblem } from '../../webhook-secret.ts';
import { boundedText, optionalText, pageCursor, queryInt } from './fields.ts';

const MAX_TARGET_CHARS = 2_000;
const MAX_SECRET_CHARS = 1_000;
/** A number beyond 2^53 is another one by the time that it is read. */
const OR_NUMBER = ', or an integer that JSON keeps exact';

const OBJECT =
  'callback must be an object with kind and target, and no other fields than threadId, token, secret, on';
const KIND = `kind must be one of ${CALLBACK_KINDS.join(', ')}`;
const TARGET = `target must be a string of 1 to ${MAX_TARGET_CHARS} characters${OR_NUMBER}`;
const THREAD = `threadId must be a string of 1 to 100 characters${OR_NUMBER}`;
const TOKEN = `token must be 1 to ${MAX_SECRET_CHARS} visible ASCII characters, as an HTTP header carries them`;
const ON = `on must be a list of some of ${CALLBACK_MOMENTS.join(', ')}`;

/** Chats have ids that are numbers; they are taken as such, too. */
const text = (message: string, max: number) =>
  z
    .union([z.string(message).trim(), z.int(message).transform(String)], message)
    .pipe(z.string().min(1, message).max(max, message));

/** Strict: a misspelt `threadId` would tell the wrong people. */
const callback = z
  .strictObject(
    {
      kind: z.enum(CALLBACK_KINDS, KIND),
      target: text(TARGET, MAX_TARGET_CHARS),
      threadId: text(THREAD, 100).exactOptional(),
      token: z
        .string(TOKEN)
        .max(MAX_SECRET_CHARS, TOKEN)
        .regex(/^[\x21-\x7e]+$/, TOKEN)
        .exactOptional(),
      secret: boundedText('secret', MAX_SECRET_CHARS).exactOptional(),
      on: z
        .array(z.enum(CALLBACK_MOMENTS, ON), ON)
        .min(1, ON)
        .refine((all) => new Set(all).size === all.length, ON)
        .exactOptional(),
    },
    OBJECT,
  )
  .superRefine((given, issues) => {
    const problem = problemOf(given);
    if (problem !== null) issues.addIssue({ code: 'custom', path: [problem.field], message: problem.text });
  });

export const callbackFields = {
  callback: callback.exactOptional(),
  callbackChannel: optionalText,
  callbackBotToken: optionalText,
};

type Given = z.output<typeof callback>;
/** What a body says of it. */
export type Called = Partial<z.output<z.ZodObject<typeof callbackFields>>>;

interface Parts {
  sealSecret: (plain: string) => string;
  /** The kind of callback that a `callbackChannel` means. */
  callbackKind: CallbackKind;
}

/** Kept beside the payload, its token or secret sealed. `invalid_field`. */
export function callbackOf(body: Called, parts: Parts, place: readonly PropertyKey[]): CallbackTarget | null {
  const { callback: given, callbackChannel: channel = null, callbackBotToken: botToken = null } = body;
  if (given === undefined) return channel === null ? null : olderCallback(channel, body, parts, place);
  if (channel !== null) throw invalid(place, 'callback', 'Give callback or callbackChannel, not both');
  if (botToken !== null)
    throw invalid(
      place,
      'callbackBotToken',
      'callbackBotToken is for callbackChannel: give callback a token',
    );
  const { kind, target, threadId = null, on = USUAL_MOMENTS } = given;
  const credential = given.token ?? given.secret;
  return {
    kind,
    target,
    threadId,
    token: credential === undefined ? null : parts.sealSecret(credential),
    on,
  };
}

function olderCallback(
  target: string,
  { callbackBotToken = null }: Called,
  { callbackKind: kind, sealSecret }: Parts,
  place: readonly PropertyKey[],
): CallbackTarget {
  const problem = targetProblem(kind, target);
  if (problem !== null) throw invalid(place, 'callbackChannel', `callbackChannel: ${problem}`);
  const unusable = callbackBotToken !== null && kind === 'webhook' ? secretProblem(callbackBotToken) : null;
  if (unusable !== null) throw invalid(place, 'callbackBotToken', `callbackBotToken: ${unusable}`);
  const token = callbackBotToken === null ? null : sealSecret(callbackBotToken);
  return { kind, target, threadId: null, token, on: USUAL_MOMENTS };
}

function invalid(place: readonly PropertyKey[], name: string, message: string): AppError {
  return new AppError('invalid_field', message, { field: [...place, name].join('.') });
}

interface Problem {
  field: 'target' | 'threadId' | 'token' | 'secret';
  text: string;
}

function problemOf({ kind, target, threadId, token, secret }: Omit<Given, 'on'>): Problem | null {
  const wrong = kind === 'discord' ? channelProblem('target', target) : targetProblem(kind, target);
  if (wrong !== null) return { field: 'target', text: wrong };
  const astray = threadId === undefined ? null : threadProblem(kind, threadId);
  if (astray !== null) return { field: 'threadId', text: astray };
  if (token !== undefined && kind === 'webhook')
    return { field: 'token', text: 'token is not for webhook: give a secret' };
  if (secret === undefined) return null;
  if (kind !== 'webhook') return { field: 'secret', text: `secret is not for ${kind}: give a token` };
  const unusable = secretProblem(secret);
  return unusable === null ? null : { field: 'secret', text: `secret: ${unusable}` };
}

function threadProblem(kind: CallbackKind, threadId: string): string | null {
  switch (kind) {
    case 'discord':
      return channelProblem('threadId', threadId);
    case 'telegram':
      return /^\d+$/.test(threadId) && Number.isSafeInteger(Number(threadId))
        ? null
        : 'threadId must be an integer: the message_thread_id of a topic';
    case 'slack':
      return null;
    default:
      return `threadId is not for ${kind}`;
  }
}

/** Of Discord; a `callbackChannel` may be anything, as it always could. */
function channelProblem(field: string, id: string): string | null {
  return id === '.' || id === '..' || !id.isWellFormed() ? `${field} must be the id of a channel` : null;
}

function targetProblem(kind: CallbackKind, target: string): string | null {
  switch (kind) {
    case 'telegram':
      return /^(-?\d{1,20}|@\w{1,64})$/.test(target)
        ? null
        : 'target must be the id of a chat, or the @name of a channel';
    case 'slack':
      return /^[#\w.-]{1,100}$/.test(target) ? null : 'target must be the id of a channel';
    case 'webhook':
      return urlProblem(target);
    case 'hook':
      return parseHookTarget(target) === null
        ? 'target must be wake, <channel>:<to>, /<name> or /<name>/<channel>:<to>'
        : null;
    default:
      return null;
  }
}

function urlProblem(target: string): string | null {
  const url = URL.canParse(target) ? new URL(target) : null;
  if (url === null || !['http:', 'https:'].includes(url.protocol))
    return 'target must be an http or https URL';
  if (isShownTarget(target)) return 'target was shown without its query: send it whole';
  return url.username === '' && url.password === ''
    ? null
    : 'target must hold no user name or password: what signs the message is the secret';
}

/** `GET /callbacks` → `{callbacks, nextCursor, pauses}`, newest first. */
export const callbacksQuery = z.object({
  status: z.enum(CALLBACK_STATUSES, `status must be one of ${CALLBACK_STATUSES.join(', ')}`).exactOptional(),
  taskId: z.string().min(1, 'taskId must not be empty').exactOptional(),
  limit: queryInt('limit', 1, 500).default(50),
  cursor: pageCursor.exactOptional(),
});
