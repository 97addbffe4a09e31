import { describe, expect, it } from 'vitest';
import { claude } from '../../../../src/workers/agents/claude.ts';
import { codex } from '../../../../src/workers/agents/codex.ts';
import { gemini } from '../../../../src/workers/agents/gemini.ts';

const id = '11111111-2222-4333-8444-555555555555';
const task = { prompt: '-n starts like a flag', models: [], cwd: '/home/user' };
const fresh = { resume: false, id } as const;
const resume = { resume: true, id, answered: true } as const;

describe('the command line of claude', () => {
  const cli = claude({ path: 'claude', models: [], permissionMode: 'dontAsk' }, '/nowhere');
  const head = ['-p', '--output-format', 'stream-json', '--verbose', '--permission-mode', 'dontAsk'];

  it('opens a session with the id that it is given, or leaves the choice to the CLI', () => {
    expect(cli.invocation(task, fresh).args).toEqual([...head, '--session-id', id]);
    expect(cli.invocation(task, { resume: false, id: null }).args).toEqual(head);
  });

  it('resumes by id', () => {
    expect(cli.invocation(task, resume).args).toEqual([...head, '--resume', id]);
  });

  it('leaves the falling back to the CLI', () => {
    const { args } = cli.invocation({ ...task, models: ['a', 'b', 'c'] }, resume);
    expect(args.slice(-4)).toEqual(['--model', 'a', '--fallback-model', 'b,c']);
  });

  it('puts the prompt on stdin, never among the arguments', () => {
    expect(cli.invocation(task, fresh).stdin).toBe(task.prompt);
    expect(cli.invocation(task, fresh).args).not.toContain(task.prompt);
  });
});

describe('the command line of codex', () => {
  const cli = codex({ path: 'codex', models: [], sandbox: 'read-only' }, '/nowhere');
  const head = ['exec', '--json', '-s', 'read-only', '-C', '/home/user', '--skip-git-repo-check'];

  it('starts a thread whose id it can not choose', () => {
    expect(cli.invocation(task, fresh)).toEqual({ args: [...head, '-'], stdin: task.prompt });
  });

  it('names sandbox, directory and model again before the word resume', () => {
    const { args } = cli.invocation({ ...task, models: ['gpt-5'] }, resume);
    expect(args).toEqual([...head, '-m', 'gpt-5', 'resume', id, '-']);
  });
});

describe('the command line of gemini', () => {
  const settings = { path: 'gemini', models: [], approvalMode: 'default', replyHint: null } as const;
  const cli = gemini(settings, '/nowhere', '/nowhere');
  const head = ['-o', 'stream-json', '--skip-trust', '--approval-mode', 'default'];

  it('starts a session whose id it can not choose', () => {
    expect(cli.invocation(task, fresh)).toEqual({ args: head, stdin: task.prompt });
  });

  it('resumes by id', () => {
    const { args } = cli.invocation({ ...task, models: ['flash'] }, resume);
    expect(args).toEqual([...head, '-m', 'flash', '--resume', id]);
  });

  it('puts the reply hint before the prompt', () => {
    const hinted = gemini({ ...settings, replyHint: 'Be brief.' }, '/nowhere', '/nowhere');
    expect(hinted.invocation(task, fresh).stdin).toBe(`Be brief.\n\n${task.prompt}`);
  });
});
