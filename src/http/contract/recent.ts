/** `GET /claude/recent`, `/codex/recent`, `/gemini/recent` → `{sessions}`, the newest first. */
import * as z from 'zod';
import { CLI_NAMES, type CliName } from '../../queue/task.ts';
import { boundedText, looseInt } from './fields.ts';

export const recentQuery = z.object({ limit: looseInt({ fallback: 10, min: 1, max: 20 }) });

export interface RecentSession {
  sessionId: string;
  /** The folder that the CLI keeps per project; Claude and Gemini only. */
  project?: string;
  /** ISO 8601. */
  lastModified: string;
  sizeKB: number;
  topic: string;
  /** The runner that has it; missing where the Task API itself looked. */
  runnerId?: string;
}

/** The newest sessions in a CLI's own folder, at most 20. Rejects with Node's own error where the folder is missing. */
export type RecentSessions = (limit: number) => Promise<RecentSession[]>;

/** A runner's own, as it tells them in a heartbeat. */
export type RecentByCli = Partial<Record<CliName, RecentSession[]>>;

export const MAX_RECENT = 20;
/** Characters of JSON; they are kept in memory, for each runner. */
const MAX_TOLD_CHARS = 65_536;

const LIST = `must be an array of up to ${MAX_RECENT} sessions`;
const SIZE = 'sizeKB must be a positive integer or 0';
const TOPIC = 'topic must be a string of up to 300 characters';

const recentSession = z.object({
  sessionId: boundedText('sessionId', 300),
  project: boundedText('project', 300).exactOptional(),
  lastModified: z.iso.datetime('lastModified must be a time as 2026-12-31T23:59:00.000Z'),
  sizeKB: z.int(SIZE).min(0, SIZE),
  topic: z.string(TOPIC).max(300, TOPIC),
});

export const recentByCli = z
  .partialRecord(
    z.enum(CLI_NAMES),
    z.array(recentSession, `recent ${LIST}`).max(MAX_RECENT, `recent ${LIST}`),
    `recent must be an object of the AI CLIs (${CLI_NAMES.join(', ')}), each with its sessions`,
  )
  .refine((told) => JSON.stringify(told).length <= MAX_TOLD_CHARS, 'recent is too large');
