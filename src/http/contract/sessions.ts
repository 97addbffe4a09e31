/** `GET /sessions/state` → `{sessions}`, the most recently used first. */
import * as z from 'zod';
import { looseInt } from './fields.ts';

export const sessionsQuery = z.object({
  limit: looseInt({ fallback: 50, min: 1, max: 500 }),
  /** `claude`, `codex`, `gemini` or `unknown`; anything else finds nothing. */
  cliType: z.string().optional(),
});
