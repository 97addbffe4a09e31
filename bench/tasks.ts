/** Submissions as the HTTP face hands them to the queue. */
import { agentSessionKey, type NewTask, UNKNOWN_PROVENANCE } from '../src/queue/index.ts';

const COMMON = { sessionId: null, sessionKey: null, provenance: UNKNOWN_PROVENANCE, callback: null };

export function aCommand(change: Partial<NewTask> = {}): NewTask {
  const payload = { command: 'echo hello', timeout: 30_000, type: 'command' };
  return { type: 'command', payload, timeoutMs: 30_000, ...COMMON, ...change };
}

/** In a conversation. */
export function aPrompt(sessionId: string): NewTask {
  const payload = { type: 'claude-cli', prompt: 'say hello', timeout: 120_000, sessionId };
  const sessionKey = agentSessionKey('claude-cli', sessionId);
  return { ...COMMON, type: 'claude-cli', payload, timeoutMs: 120_000, sessionId, sessionKey };
}
