/** Bodies of `POST /claude`, `/codex` and `/gemini` → `{taskId, sessionId, message}`. */
import * as z from 'zod';
import { UNKNOWN_PROVENANCE } from '../../queue/task.ts';
import { optionalText, spokenText, timeout, truthy } from './fields.ts';
import { oneTime, submissionFields } from './submission.ts';

const DISPATCH_MODES = ['direct-command', 'agent-tool'];

/** The routes differ in their defaults; which of the last two fields count is up to the CLI. */
export function agentBody(defaults: { timeoutMs: number; entrypoint: string }) {
  return z
    .object({
      prompt: spokenText('prompt is required'),
      timeout: timeout(defaults.timeoutMs),
      sessionId: optionalText,
      callbackChannel: optionalText,
      callbackBotToken: optionalText,
      origin: optionalText.transform((origin) => origin ?? UNKNOWN_PROVENANCE.origin),
      dispatchMode: optionalText.transform((mode) =>
        mode !== null && DISPATCH_MODES.includes(mode) ? mode : UNKNOWN_PROVENANCE.dispatchMode,
      ),
      entrypoint: optionalText.transform((entrypoint) => entrypoint ?? defaults.entrypoint),
      sessionKey: z.undefined('sessionKey is not for AI CLI tasks: theirs is their sessionId').optional(),
      ...submissionFields,
      model: optionalText,
      resumeLatest: truthy,
    })
    .check(oneTime);
}
export type AgentBody = z.output<ReturnType<typeof agentBody>>;
