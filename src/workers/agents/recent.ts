import { basename } from 'node:path';
import type { Clock } from '../../clock.ts';
import {
  MAX_RECENT,
  type RecentByCli,
  type RecentSession,
  type RecentSessions,
} from '../../http/contract/recent.ts';
import type { Mask } from '../mask.ts';
import { plainText } from './plain-text.ts';
import type { SessionStore } from './provider.ts';
import { headLines, idAtHead, newestFiles, type SessionFile } from './session-files.ts';
import { topicOf } from './topic.ts';

/** Of all CLIs whose folder can be read, as the Task API is told of them: without the secrets of this runner, and without characters that a heartbeat has no room for. */
export async function toldSessions(
  recent: Readonly<Record<string, RecentSessions>>,
  mask: Mask,
): Promise<RecentByCli> {
  const looks = Object.entries(recent).map(async ([label, look]) => {
    const sessions = await look(MAX_RECENT);
    const told = sessions.map((session) => ({ ...session, topic: plainText(mask.text(session.topic)) }));
    return [label, told] as const;
  });
  const found = (await Promise.allSettled(looks)).filter((look) => look.status === 'fulfilled');
  return Object.fromEntries(found.map(({ value }) => value));
}

/** One look at a time: who asks meanwhile gets the same answer, however many ask. */
export function recentSessions(store: SessionStore, folder: string, clock: Clock): RecentSessions {
  let looking: Promise<RecentSession[]> | null = null;
  const look = async () => {
    const folders = await store.folders(folder, { recentAt: clock.wall() });
    const files = await newestFiles(store, folders, MAX_RECENT);
    return Promise.all(files.map((file) => describe(store, file)));
  };
  return async (limit) => {
    looking ??= look().finally(() => {
      looking = null;
    });
    return (await looking).slice(0, limit);
  };
}

async function describe(store: SessionStore, file: SessionFile): Promise<RecentSession> {
  const lines = await headLines(file.path);
  return {
    sessionId: sessionIdOf(store, file, lines),
    ...(file.project !== undefined && { project: file.project }),
    lastModified: file.modifiedAt.toISOString(),
    sizeKB: Math.round(file.bytes / 1024),
    topic: topicOf(lines, store.saidIn),
  };
}

/** The file's name where no id is to be found. */
function sessionIdOf(store: SessionStore, { name }: SessionFile, lines: readonly unknown[]): string {
  if (store.idIn !== undefined) return idAtHead(store, lines) ?? basename(name, '.jsonl');
  return store.name.exec(name)?.[1] ?? basename(name, '.jsonl');
}
