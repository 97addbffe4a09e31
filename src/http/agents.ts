import { randomUUID } from 'node:crypto';
import {
  type AgentType,
  agentSessionKey,
  type CallbackTarget,
  type JsonObject,
  type NewTask,
  UNKNOWN_PROVENANCE,
} from '../queue/index.ts';
import { type Handler, parse } from './call.ts';
import { type AgentBody, agentBody } from './contract/agents.ts';
import type { RouteDeps } from './deps.ts';
import { submit as submitTask } from './submission.ts';

/** How the three routes differ. */
interface Agent {
  type: AgentType;
  label: string;
  body: ReturnType<typeof agentBody>;
  /** What stands behind `sessionId` in the payload. */
  extras: (body: AgentBody) => JsonObject;
}

const CLAUDE: Agent = {
  type: 'claude-cli',
  label: 'Claude',
  body: agentBody({ timeoutMs: 120_000, entrypoint: 'cc' }),
  extras: () => ({}),
};

const CODEX: Agent = {
  type: 'codex-cli',
  label: 'Codex',
  body: agentBody({ timeoutMs: 300_000, entrypoint: 'codex' }),
  extras: ({ model }) => ({ model }),
};

const GEMINI: Agent = {
  type: 'gemini-cli',
  label: 'Gemini',
  body: agentBody({ timeoutMs: 300_000, entrypoint: 'gemini' }),
  extras: ({ model, resumeLatest, sessionId }) => ({
    resumeLatest: resumeLatest || sessionId !== null,
    model,
  }),
};

/** `/claude`, `/codex`, `/gemini`: prompts in a conversation of an AI CLI. */
export function agentHandlers(deps: RouteDeps) {
  return {
    claude: submit(deps, CLAUDE),
    codex: submit(deps, CODEX),
    gemini: submit(deps, GEMINI),
  };
}

function submit(deps: RouteDeps, agent: Agent): Handler {
  return (call) => {
    const body = parse(agent.body, call.body);
    const sessionId = body.sessionId ?? randomUUID();
    const task = agentTask(deps, agent, body, sessionId);
    const message = `${agent.label} CLI task created`;
    return submitTask(deps.queue, call, task, (receipt) => ({
      taskId: receipt.taskId,
      sessionId: receipt.sessionId,
      message,
    }));
  };
}

function agentTask(deps: RouteDeps, { type, extras }: Agent, body: AgentBody, sessionId: string): NewTask {
  const { prompt, timeout, origin, dispatchMode, entrypoint } = body;
  const provenance = { origin, dispatchMode, responseMode: UNKNOWN_PROVENANCE.responseMode, entrypoint };
  const callback = { callbackChannel: null, callbackBotToken: null };
  return {
    type,
    payload: { type, prompt, timeout, sessionId, ...extras(body), ...callback, ...provenance },
    timeoutMs: timeout,
    sessionId,
    sessionKey: agentSessionKey(type, sessionId),
    provenance,
    callback: callbackOf(deps, body),
    ...(body.maxAttempts !== undefined && { maxAttempts: body.maxAttempts }),
    ...(body.leaseMs !== undefined && { leaseMs: body.leaseMs }),
  };
}

/** Kept beside the payload, its token sealed. */
function callbackOf(deps: RouteDeps, body: AgentBody): CallbackTarget | null {
  if (body.callbackChannel === null) return null;
  const token = body.callbackBotToken === null ? null : deps.sealSecret(body.callbackBotToken);
  return { kind: deps.callbackKind, target: body.callbackChannel, token };
}
