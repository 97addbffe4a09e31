import { messageOf } from './errors.ts';
import type { Reply } from './openclaw.ts';

/** What goes wrong is told where it was asked for: of a handler that throws OpenClaw says that it failed, not why. */
export async function refusals(answer: () => Promise<string>): Promise<Reply> {
  try {
    return { text: await answer() };
  } catch (error) {
    return { text: `❌ ${messageOf(error)}`, isError: true };
  }
}
