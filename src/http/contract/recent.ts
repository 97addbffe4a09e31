/** `GET /claude/recent`, `/codex/recent`, `/gemini/recent` → `{sessions}`, the newest first. */
import * as z from 'zod';
import { looseInt } from './fields.ts';

export const recentQuery = z.object({ limit: looseInt({ fallback: 10, min: 1, max: 20 }) });

export interface RecentSession {
  sessionId: string;
  /** The folder that the CLI keeps per project; Claude and Gemini only. */
  project?: string;
  /** ISO 8601. */
  lastModified: string;
  sizeKB: number;
  topic: string;
}

/** The newest sessions in a CLI's own folder, at most 20. Rejects with Node's own error where the folder is missing. */
export type RecentSessions = (limit: number) => Promise<RecentSession[]>;
