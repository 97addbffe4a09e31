import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { claude, codex, gemini } from '../../../../src/workers/agents/clis.ts';
import type { Provider } from '../../../../src/workers/agents/provider.ts';
import {
  addEvent,
  finalText,
  newTurn,
  screenshotPath,
  type Turn,
} from '../../../../src/workers/agents/turn.ts';

/** Recorded output of the real CLIs, and what must be understood of it. */

function read(provider: Provider, lines: readonly string[]): Turn {
  const turn = newTurn();
  for (const line of lines) {
    for (const event of provider.parse(line)) addEvent(turn, event);
  }
  return turn;
}

function recorded(provider: Provider, name: string): Turn {
  const file = new URL(`../../../fixtures/cli/${name}.jsonl`, import.meta.url);
  return read(provider, readFileSync(file, 'utf8').split('\n'));
}

describe('Claude Code', () => {
  it('ends well with text, session, model, turns, tokens and cost', () => {
    const turn = recorded(claude, 'claude-ok');
    expect(turn).toMatchObject({
      sessionId: 'e25bfd2b-91d3-44c2-9b86-f84fc15025d4',
      model: 'claude-sonnet-4-5',
    });
    expect(finalText(turn)).toBe('nmsgs=1');
    expect(turn.end).toMatchObject({
      error: null,
      turns: 1,
      usage: { inputTokens: 5, cachedInputTokens: 0, outputTokens: 3 },
      permissionDenials: [],
    });
    expect(turn.end?.costUsd).toBeCloseTo(0.00006, 10);
  });

  it('counts the cost of this turn, where the total runs over the whole session', () => {
    const result = {
      type: 'result',
      is_error: false,
      total_cost_usd: 0.9,
      model_usage_since_last_result: { a: { costUSD: 0.1 }, b: { costUSD: 0.2 } },
    };
    expect(read(claude, [JSON.stringify(result)]).end?.costUsd).toBeCloseTo(0.3, 10);
  });

  it('takes is_error for a failure though the subtype says success', () => {
    const turn = recorded(claude, 'claude-api400');
    expect(turn.end?.error).toBe('API Error: 400 bad thing');
    expect(turn.messages).toEqual([]);
  });

  it('names the unknown session of a resume', () => {
    const turn = recorded(claude, 'claude-resume-missing');
    expect(turn.end?.error).toBe(
      'No conversation found with session ID: 99999999-2222-4333-8444-555555555555',
    );
    expect(turn.sessionId).toBeNull();
  });

  it('reports the tools that were denied, though the run succeeds', () => {
    const turn = recorded(claude, 'claude-tool-denied');
    expect(turn.end).toMatchObject({ error: null, turns: 2 });
    expect(turn.end?.permissionDenials).toMatchObject([{ tool_name: 'Bash' }]);
    expect(finalText(turn)).toBe('nmsgs=3');
  });
});

describe('Codex', () => {
  it('ends well with the last message and its tokens', () => {
    const turn = recorded(codex, 'codex-tool');
    expect(turn.sessionId).toBe('01a203ff-8dc6-7fa0-bcf7-a8b5f9c99fb5');
    expect(finalText(turn)).toBe('ninput=6');
    expect(turn.end).toMatchObject({ error: null, usage: { inputTokens: 10, outputTokens: 6 } });
  });

  it('fails with the message of the failed turn, not with a warning before it', () => {
    const turn = recorded(codex, 'codex-api500');
    expect(turn.end?.error).toMatch(/^We’re currently experiencing high demand/);
  });

  it('finds the message in an API answer that is passed on as JSON', () => {
    const message = '{"error":{"message":"bad thing","type":"invalid_request_error"}}';
    const turn = read(codex, [JSON.stringify({ type: 'turn.failed', error: { message } })]);
    expect(turn.end?.error).toBe('bad thing');
  });

  it('goes on after an error event that passes', () => {
    const turn = read(codex, [
      '{"type":"error","message":"Reconnecting... 1/5"}',
      '{"type":"item.completed","item":{"type":"agent_message","text":"done"}}',
      '{"type":"turn.completed","usage":{}}',
    ]);
    expect(turn).toMatchObject({ trouble: { message: 'Reconnecting... 1/5' }, end: { error: null } });
  });
});

describe('Gemini', () => {
  it('ends well with its pieces joined, the model that answered and its tokens', () => {
    const turn = recorded(gemini, 'gemini-tool');
    expect(turn.sessionId).toBe('ee1cf978-8a2d-4b43-9191-80a2420106f5');
    expect(finalText(turn)).toBe('n=3');
    expect(turn.end).toMatchObject({
      error: null,
      model: 'gemini-2.5-flash',
      usage: { inputTokens: 10, cachedInputTokens: 0, outputTokens: 6 },
    });
  });

  it('takes the pieces after the last tool for the answer', () => {
    const piece = (content: string) =>
      JSON.stringify({ type: 'message', role: 'assistant', content, delta: true });
    const turn = read(gemini, [
      piece('let me '),
      piece('look'),
      '{"type":"tool_use","tool_name":"ls"}',
      piece('all '),
      piece('fine'),
      '{"type":"result","status":"success"}',
    ]);
    expect(turn.messages).toEqual(['let me look', 'all fine']);
    expect(finalText(turn)).toBe('all fine');
  });

  it('finds the API error inside an API error', () => {
    const inner = JSON.stringify({ error: { code: 429, message: 'slow down', status: 'X' } });
    const message = `[API Error: ${JSON.stringify({ error: { code: 429, message: inner, status: 'Y' } })}]`;
    const turn = read(gemini, [JSON.stringify({ type: 'result', status: 'error', error: { message } })]);
    expect(turn.end).toMatchObject({ error: 'slow down', cause: 'rate_limit' });
  });

  it('finds the API error inside its own message', () => {
    expect(recorded(gemini, 'gemini-api400').end?.error).toBe('fake 400');
  });
});

/** How each names its session. */
const NAMED: Record<string, string> = {
  claude: '{"type":"system","subtype":"init","session_id":"x"}',
  codex: '{"type":"thread.started","thread_id":"x"}',
  gemini: '{"type":"init","session_id":"x"}',
};

/** A call of a tool, and the end. */
const DEEP: Record<string, string[]> = {
  claude: [
    '{"type":"assistant","message":{"content":[{"type":"tool_use","name":"X","input":{"a":DEEP}}]}}',
    '{"type":"result","is_error":false,"result":"fine","permission_denials":[{"tool_input":DEEP}]}',
  ],
  codex: [
    '{"type":"item.started","item":{"type":"mcp_tool_call","arguments":DEEP}}',
    '{"type":"turn.completed","usage":{},"more":DEEP}',
  ],
  gemini: [
    '{"type":"tool_use","tool_name":"X","parameters":{"a":DEEP}}',
    '{"type":"result","status":"success","more":DEEP}',
  ],
};

describe.each([claude, codex, gemini])('$label on strange output', (provider) => {
  it('ignores events and shapes that it does not know', () => {
    const strange = [
      '{"type":"event_of_the_future"}',
      '{}',
      '',
      '{"type":7}',
      '{"type":"system","subtype":"x"}',
    ];
    expect(read(provider, strange)).toEqual(newTurn());
  });

  it('survives known events with every field missing or of another type', () => {
    const types = ['system', 'assistant', 'result', 'thread.started', 'item.completed', 'error'];
    for (const type of [...types, 'turn.failed', 'turn.completed', 'init', 'message']) {
      for (const junk of [{}, { message: 7, item: [], error: 'x', usage: null, stats: 1, session_id: 3 }])
        expect(() => read(provider, [JSON.stringify({ type, ...junk })])).not.toThrow();
    }
  });

  it('reads a first line behind a byte order mark', () => {
    expect(read(provider, [`\ufeff${NAMED[provider.label]}\r`])).toMatchObject({ sessionId: 'x', stray: [] });
  });

  it('takes out what is nested beyond all measure, and understands the rest', () => {
    const deep = `${'{"a":'.repeat(20_000)}[${'['.repeat(20_000)}${']'.repeat(20_000)}]${'}'.repeat(20_000)}`;
    const lines = DEEP[provider.label]?.map((line) => line.replace('DEEP', () => deep)) ?? [];
    const events = lines.flatMap((line) => provider.parse(line));
    expect(events.map(({ kind }) => kind)).toEqual(['tool', 'end']);
    expect(() => JSON.stringify(events)).not.toThrow();
  });

  it('keeps the last lines that are no JSON', () => {
    const lines = Array.from({ length: 30 }, (_, n) => `line ${n}`);
    const turn = read(provider, [...lines, '{"broken": ']);
    expect(turn.stray).toHaveLength(20);
    expect(turn.stray.at(-1)).toBe('{"broken": ');
  });
});

describe('an agent that talks without end', () => {
  const LIMIT = 64 * 1024 * 1024;
  const hear = (turn: Turn, text: string, continues: boolean) =>
    addEvent(turn, { kind: 'message', text, continues });

  it.each([true, false])(
    'is remembered by the last that it said (in pieces of one message: %s)',
    (continues) => {
      const turn = newTurn();
      for (let said = 0; said < 3 * LIMIT; said += 1_000_000) hear(turn, 'x'.repeat(1_000_000), continues);
      hear(turn, 'the end', continues);
      expect(turn.messages.join('').length).toBeLessThanOrEqual(LIMIT);
      expect(turn.messages.join('').length).toBe(turn.chars);
      expect(finalText(turn).endsWith('the end')).toBe(true);
    },
  );
});

describe('a screenshot line', () => {
  const say = (text: string) =>
    JSON.stringify({ type: 'assistant', message: { content: [{ type: 'text', text }] } });

  it('is found in any message', () => {
    const turn = read(claude, [say('shot:\nPLEASE_UPLOAD_TO_DISCORD: /tmp/my shot.png\nbye'), say('done')]);
    expect(screenshotPath(turn)).toBe('/tmp/my shot.png');
  });

  it('is not taken from a line that only talks about it', () => {
    const turn = read(claude, [
      say('I would print PLEASE_UPLOAD_TO_DISCORD: x.png'),
      say('PLEASE_UPLOAD_TO_DISCORD: a.jpg'),
    ]);
    expect(screenshotPath(turn)).toBeNull();
  });
});
