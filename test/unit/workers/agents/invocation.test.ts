import { describe, expect, it } from 'vitest';
import { AGENT_LIMITS, AGENTS } from '../../../../src/queue/task.ts';
import * as CLIS from '../../../../src/workers/agents/clis.ts';
import { claude, codex, gemini } from '../../../../src/workers/agents/clis.ts';

const id = '11111111-2222-4333-8444-555555555555';
const asked = { prompt: '-n starts like a flag', models: [], cwd: '/home/user' };
const fresh = { resume: false, id } as const;
const resume = { resume: true, id, answered: true } as const;

describe('the command line of claude', () => {
  const task = { ...asked, mode: 'dontAsk' };
  const head = ['-p', '--output-format', 'stream-json', '--verbose', '--permission-mode', 'dontAsk'];

  it('opens a session with the id that it is given, or leaves the choice to the CLI', () => {
    expect(claude.invocation(task, fresh).args).toEqual([...head, '--session-id', id]);
    expect(claude.invocation(task, { resume: false, id: null }).args).toEqual(head);
  });

  it('resumes by id', () => {
    expect(claude.invocation(task, resume).args).toEqual([...head, '--resume', id]);
  });

  it('leaves the falling back to the CLI', () => {
    const { args } = claude.invocation({ ...task, models: ['a', 'b', 'c'] }, resume);
    expect(args.slice(-4)).toEqual(['--model', 'a', '--fallback-model', 'b,c']);
  });

  it('puts the prompt on stdin, never among the arguments', () => {
    expect(claude.invocation(task, fresh).stdin).toBe(task.prompt);
    expect(claude.invocation(task, fresh).args).not.toContain(task.prompt);
  });
});

describe('the command line of codex', () => {
  const task = { ...asked, mode: 'read-only' };
  const head = ['exec', '--json', '-s', 'read-only', '-C', '/home/user', '--skip-git-repo-check'];

  it('starts a thread whose id it can not choose', () => {
    expect(codex.invocation(task, fresh)).toEqual({ args: [...head, '-'], stdin: task.prompt });
  });

  it('names sandbox, directory and model again before the word resume', () => {
    const { args } = codex.invocation({ ...task, models: ['gpt-5'] }, resume);
    expect(args).toEqual([...head, '-m', 'gpt-5', 'resume', id, '-']);
  });
});

describe('the command line of gemini', () => {
  const task = { ...asked, mode: 'default' };
  const head = ['-o', 'stream-json', '--skip-trust', '--approval-mode', 'default'];

  it('starts a session whose id it can not choose', () => {
    expect(gemini.invocation(task, fresh)).toEqual({ args: head, stdin: task.prompt });
  });

  it('resumes by id', () => {
    const { args } = gemini.invocation({ ...task, models: ['flash'] }, resume);
    expect(args).toEqual([...head, '-m', 'flash', '--resume', id]);
  });
});

describe.each(Object.values(CLIS))('the command line of $label', (cli) => {
  const task = { ...asked, mode: cli.mode.fallback };

  it.each(AGENT_LIMITS)('has %s where the table of the domain says so, and only there', (limit) => {
    const { args } = cli.invocation({ ...task, [limit]: 7 }, fresh);
    const kept: readonly string[] = AGENTS[cli.type].limits;
    expect(args.includes('7')).toBe(kept.includes(limit));
  });

  it('has no prompt among its arguments, and the mode that its owner chose', () => {
    for (const mode of cli.mode.values) {
      const { args, stdin } = cli.invocation({ ...task, mode }, resume);
      expect(stdin).toBe(task.prompt);
      expect(args).not.toContain(task.prompt);
      expect(args).toContain(mode);
    }
  });
});
