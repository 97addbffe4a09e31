import { basename, join } from 'node:path';
import type { Clock } from '../clock.ts';
import { type Handler, parse } from './call.ts';
import { type RecentSession, recentQuery } from './contract/recent.ts';
import type { RouteDeps } from './deps.ts';
import { filesIn, foldersIn, headLines, newestFirst, type SessionFile } from './session-folders.ts';
import { claudeTopic, codexTopic, field, geminiTopic, type TopicOf } from './topics.ts';

const CODEX_DAYS = 7;
const UUID_AT_END = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

type Found = SessionFile & { project?: string };
type SessionIdOf = (name: string, lines: readonly unknown[]) => string;

/** The newest conversations in the session folders that the AI CLIs keep on this host. */
export function recentHandlers(deps: RouteDeps) {
  const { claudeProjectsDir, codexSessionsDir, geminiSessionsDir, clock } = deps;
  return {
    claude: listing(
      () => claudeFiles(claudeProjectsDir),
      (name) => name,
      claudeTopic,
    ),
    codex: listing(() => codexFiles(codexSessionsDir, clock), codexSessionId, codexTopic),
    gemini: listing(() => geminiFiles(geminiSessionsDir), geminiSessionId, geminiTopic),
  };
}

function listing(find: () => Promise<Found[]>, sessionIdOf: SessionIdOf, topicOf: TopicOf): Handler {
  return async ({ query }) => {
    const { limit } = parse(recentQuery, query);
    try {
      const files = newestFirst(await find(), limit);
      return { sessions: await Promise.all(files.map((file) => describe(file, sessionIdOf, topicOf))) };
    } catch (error) {
      return { sessions: [], error: (error as Error).message };
    }
  };
}

async function describe(file: Found, sessionIdOf: SessionIdOf, topicOf: TopicOf): Promise<RecentSession> {
  const lines = await headLines(file.path);
  return {
    sessionId: sessionIdOf(basename(file.name, '.jsonl'), lines),
    ...(file.project !== undefined && { project: file.project }),
    lastModified: file.modifiedAt.toISOString(),
    sizeKB: Math.round(file.bytes / 1024),
    topic: topicOf(lines),
  };
}

/** `<project>/<sessionId>.jsonl` */
async function claudeFiles(folder: string): Promise<Found[]> {
  return perProject(folder, (project) => filesIn(join(folder, project), /\.jsonl$/));
}

/** `<project>/chats/session-<time>-<start of the id>.jsonl` */
async function geminiFiles(folder: string): Promise<Found[]> {
  return perProject(folder, (project) => filesIn(join(folder, project, 'chats'), /^session-.*\.jsonl$/));
}

async function perProject(
  folder: string,
  find: (project: string) => Promise<SessionFile[]>,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const project of await foldersIn(folder)) {
    for (const file of await find(project)) found.push({ ...file, project });
  }
  return found;
}

/** `YYYY/MM/DD/rollout-<time>-<sessionId>.jsonl`, of the last days by the local calendar. */
async function codexFiles(folder: string, clock: Clock): Promise<Found[]> {
  const today = new Date(clock.wall());
  const found: Found[] = [];
  for (let ago = 0; ago < CODEX_DAYS; ago++) {
    const day = new Date(today.getFullYear(), today.getMonth(), today.getDate() - ago);
    const parts = [day.getFullYear(), day.getMonth() + 1, day.getDate()];
    const names = parts.map((part) => String(part).padStart(2, '0'));
    found.push(...(await filesIn(join(folder, ...names), /\.jsonl$/)));
  }
  return found;
}

function codexSessionId(name: string): string {
  return UUID_AT_END.exec(name)?.[0] ?? name;
}

function geminiSessionId(name: string, lines: readonly unknown[]): string {
  const id = field(lines[0], 'sessionId');
  return typeof id === 'string' ? id : name;
}
