import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { claude, codex, gemini } from '../../../../src/workers/agents/clis.ts';
import type { AgentEvent, Provider } from '../../../../src/workers/agents/provider.ts';
import { Transcript } from '../../../../src/workers/agents/transcript.ts';
import { setUpAgents } from '../../../support/agents.ts';

function told(events: readonly AgentEvent[]): string[] {
  const pieces: string[] = [];
  const transcript = new Transcript((text) => pieces.push(text));
  for (const event of events) transcript.add(event);
  transcript.end();
  return pieces;
}

function recorded(provider: Provider, name: string): string {
  const file = new URL(`../../../fixtures/cli/${name}.jsonl`, import.meta.url);
  const lines = readFileSync(file, 'utf8').split('\n');
  return told(lines.flatMap((line) => provider.parse(line))).join('');
}

const say = (text: string, continues = false): AgentEvent => ({ kind: 'message', text, continues });
const call = (name: string, input: string | null): AgentEvent => ({ kind: 'tool', name, input });

describe('the transcript of a recorded run', () => {
  it('of Claude shows the call, the refusal and the answer', () => {
    expect(recorded(claude, 'claude-tool-denied')).toBe(
      '[tool] Bash: touch /home/user/other/x\n[denied] Bash\nnmsgs=3\n',
    );
  });

  it('of Codex shows a command once, when it begins', () => {
    expect(recorded(codex, 'codex-tool').split('\n').slice(1)).toEqual([
      "[tool] shell: /bin/bash -lc 'pwd; touch /home/user/other/y; touch ./z_$$'",
      'ninput=6',
      '',
    ]);
  });

  it('of Gemini ends its last piece with a line end', () => {
    expect(recorded(gemini, 'gemini-tool')).toBe('[tool] run_shell_command: touch gz\nn=3\n');
  });
});

describe('a transcript', () => {
  it('hands over pieces of a message as they come', () => {
    const events = [
      say('let ', true),
      say('me ', true),
      call('ls', null),
      say('all ', true),
      say('fine', true),
    ];
    expect(told(events)).toEqual(['let ', 'me ', '\n[tool] ls\n', 'all ', 'fine', '\n']);
  });

  it('gives every whole message lines of its own', () => {
    expect(told([say('one'), say('two\n'), say('three', true), say('four')]).join('')).toBe(
      'one\ntwo\nthree\nfour\n',
    );
  });

  it('keeps a call in one short line, whatever the agent hands to the tool', () => {
    const nasty = `first\nsecond\r\n\u001b[31mred\u001b[0m \u001b]0;title\u0007 \u202Eevil\u0000${'😀'.repeat(5_000)}`;
    const [line = ''] = told([call(`Ba\nsh${'x'.repeat(500)}`, nasty)]);
    expect(line).toMatch(/^\[tool\] Ba shx+…: first second red evil😀+…\n$/u);
    expect(line.length).toBeLessThan(300);
    expect(line.isWellFormed()).toBe(true);
  });

  it('keeps the line ends and tabs of a message, and no other control character', () => {
    expect(told([say('a\tb\r\nc\u001b[2J\u0007\u009b1m')])).toEqual(['a\tb\nc1m\n']);
  });

  it('tells of troubles, and says nothing of what is of no interest', () => {
    expect(told([{ kind: 'trouble', message: 'API error 529' }])).toEqual(['[trouble] API error 529\n']);
    expect(
      told([
        { kind: 'session', id: 'x', model: null },
        { kind: 'stray', line: 'noise' },
      ]),
    ).toEqual([]);
  });
});

it.each([
  [
    claude,
    {
      type: 'assistant',
      message: {
        content: [
          { type: 'text', text: 'look' },
          { type: 'tool_use', name: 'Read', input: { file_path: '/a' } },
        ],
      },
    },
    'look\n[tool] Read: /a\n',
  ],
  [
    claude,
    { type: 'assistant', message: { content: [{ type: 'tool_use', name: 'Odd', input: { a: 1 } }] } },
    '[tool] Odd: {"a":1}\n',
  ],
  [
    claude,
    { type: 'assistant', message: { content: [{ type: 'tool_use', name: 'None', input: {} }] } },
    '[tool] None\n',
  ],
  [
    codex,
    { type: 'item.completed', item: { type: 'file_change', changes: [{ path: 'a.ts' }, { path: 'b.ts' }] } },
    '[tool] edit: a.ts, b.ts\n',
  ],
  [
    codex,
    { type: 'item.started', item: { type: 'mcp_tool_call', server: 's', tool: 't', arguments: { q: 1 } } },
    '[tool] s.t: {"q":1}\n',
  ],
  [codex, { type: 'item.completed', item: { type: 'web_search', query: 'why' } }, '[tool] web_search: why\n'],
] as [Provider, object, string][])('%# $label: %j', (provider, event, text) => {
  expect(told(provider.parse(JSON.stringify(event))).join('')).toBe(text);
});

it.each(['claude', 'codex', 'gemini'] as const)('%s can be read along while it runs', async (label) => {
  const { ask } = setUpAgents();
  let text = '';
  const print = (_: string, more: string) => {
    text += more;
  };
  await ask(`${label}-cli`, { prompt: 'trouble 1 of 5\nsay hello there' }, { print });
  expect(text).toContain('hello there\n');
  expect(text).not.toContain('{"type"');
});
