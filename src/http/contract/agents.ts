/** Bodies of `POST /claude`, `/codex` and `/gemini` → `{taskId, sessionId, message}`. */
import * as z from 'zod';
import { AGENT_LIMITS, type AgentType, traitsOf, UNKNOWN_PROVENANCE } from '../../queue/task.ts';
import { callbackFields } from './callback.ts';
import { optionalText, spokenText, timeout, truthy } from './fields.ts';
import { integer, oneTime, submissionFields, surroundings } from './submission.ts';

const DISPATCH_MODES = ['direct-command', 'agent-tool'];

/** Strict: dollars. */
function dollars(name: string) {
  const message = `${name} must be a number of dollars, more than 0 and up to 10,000`;
  return z.number(message).gt(0, message).max(10_000, message).exactOptional();
}

const AGENT_FIELDS = {
  model: optionalText,
  /** What one task may cost, and take; kept by the CLI. */
  maxBudgetUsd: dollars('maxBudgetUsd'),
  maxTurns: integer('maxTurns', 1, 1_000).exactOptional(),
  /** What the conversation may cost in all; kept by the queue. A newer one replaces it. */
  sessionBudgetUsd: dollars('sessionBudgetUsd'),
  resumeLatest: truthy,
};

/** The routes differ in their defaults, and in what their CLI can be held to. */
export function agentBody(type: AgentType) {
  const { timeoutMs, entrypoint } = traitsOf(type);
  return z
    .object({
      prompt: spokenText('prompt is required'),
      timeout: timeout(timeoutMs),
      sessionId: optionalText,
      origin: optionalText.transform((origin) => origin ?? UNKNOWN_PROVENANCE.origin),
      dispatchMode: optionalText.transform((mode) =>
        mode !== null && DISPATCH_MODES.includes(mode) ? mode : UNKNOWN_PROVENANCE.dispatchMode,
      ),
      entrypoint: optionalText.transform((given) => given ?? entrypoint),
      sessionKey: z.undefined('sessionKey is not for AI CLI tasks: theirs is their sessionId').optional(),
      ...submissionFields,
      ...callbackFields,
      ...surroundings,
      ...AGENT_FIELDS,
    })
    .check(oneTime)
    .superRefine((body, issues) => {
      for (const [name, reason] of Object.entries(unkept(type)))
        if (Object.hasOwn(body, name))
          issues.addIssue({ code: 'custom', path: [name], message: `${name} is not for ${type}: ${reason}` });
    });
}
export type AgentBody = z.output<ReturnType<typeof agentBody>>;

/** Fields that nobody would heed, each with the reason: a budget that is ignored in silence is a lie. */
function unkept(type: AgentType): Record<string, string> {
  const { label, limits, tellsCost } = traitsOf(type);
  const reasons: Record<string, string> = {};
  for (const limit of AGENT_LIMITS)
    if (!limits.includes(limit)) reasons[limit] = `${label} has no such limit`;
  if (!tellsCost) reasons.sessionBudgetUsd = `${label} does not tell what a task has cost`;
  return reasons;
}
