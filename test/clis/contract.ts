/** What our executors promise of every AI CLI, seen with the real one and a fake model API. */
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/queue/task.ts';
import { Stop, type StopCause } from '../../src/workers/stop.ts';
import { eventually, gone } from '../support/eventually.ts';
import { type Reply, text } from './fake/model-api.ts';
import { type Cli, openStage, type Stage, type StageOptions } from './stage.ts';

/** What differs from CLI to CLI. */
export interface Differences {
  /** What it does with a session that is not there. */
  unknownSession: { exitCode: number; error: RegExp };
  /** What it does when the API answers 400 "no such thing". */
  apiError: { exitCode: number; error: RegExp };
  deniedTool: { call: Reply; metadata: JsonObject; toldToModel: RegExp };
  /** Runs a command in a shell, and in which mode it may do so. */
  shell: { call(command: string): Reply; mode: string };
  /** It repeats the prompt on stdout first, and when it exits, what is not read yet is lost: a model takes its time. */
  echoes: boolean;
  /** Its own exit code on SIGTERM. */
  terminated: number;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** The id that a client gives its session; a CLI that can takes it for its own. */
const CLIENT_ID = '3f2a0001-2222-4333-8444-555555555555';
const BIG_PROMPT = `${'0123456789abcdefghijklmnopqrstuvwxyz äöü 🙂\n'.repeat(4_500)}the end`;

export function contract(cli: Cli, its: Differences): void {
  /** A test with a stage of its own, of whose processes none may be left. */
  function promise(what: string, keep: (stage: Stage) => Promise<void>, options: StageOptions = {}): void {
    it.concurrent(what, async ({ onTestFinished }) => {
      const stage = await openStage(cli, options);
      onTestFinished(stage.close);
      await keep(stage);
      await eventually('the end of all that was started', () => stage.processes().length === 0);
    });
  }

  promise('answers in a new session', async ({ api, ask, sessions }) => {
    api.answers(text('hello Ada'));
    const result = await ask({ prompt: 'my name is Ada' });
    expect(result).toMatchObject({ stdout: 'hello Ada', exitCode: 0, error: null });
    expect(result.metadata).toMatchObject({
      resumed: false,
      usage: { inputTokens: 5, outputTokens: 3 },
      cliVersion: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
    const id = String(result.metadata?.sessionId);
    expect(id).toMatch(UUID);
    expect([...sessions()].map((start) => id.startsWith(start))).toEqual([true]);
    expect(api.turns).toHaveLength(1);
    expect(api.said()).toContainEqual({ by: 'user', text: 'my name is Ada' });
  });

  promise(
    'goes on in the session of that chat, and a short prefix of its id is enough',
    async ({ api, ask, home, restart, sessions }) => {
      api.answers(text('hello Ada'), text('hello Bob'), text('you are Ada'), text('still Ada'));
      const first = await ask({ prompt: 'my name is Ada', sessionId: 'chat' });
      await ask({ prompt: 'my name is Bob', sessionId: 'another chat' });
      const second = await ask({ prompt: 'who am I?', sessionId: 'chat' });
      const { sessionId } = first.metadata ?? {};
      expect(second).toMatchObject({
        stdout: 'you are Ada',
        error: null,
        metadata: { sessionId, resumed: true },
      });
      rmSync(join(home, 'data'), { recursive: true });
      restart();
      const third = await ask({ prompt: 'sure?', sessionId: String(sessionId).slice(0, 8) });
      expect(third).toMatchObject({
        stdout: 'still Ada',
        error: null,
        metadata: { sessionId, resumed: true },
      });
      const story = ['my name is Ada', 'hello Ada', 'who am I?', 'you are Ada', 'sure?'];
      expect(api.heard(...story, 'my name is Bob')).toEqual(story);
      expect(sessions().size).toBe(2);
    },
  );

  promise('goes on after a kill -9 in the first turn', async (stage) => {
    const { api, ask, restart, kill, isOnDisk, sessions } = stage;
    api.answers({ kind: 'hang', text: 'let me think' });
    const running = ask({ prompt: 'my name is Ada', sessionId: CLIENT_ID });
    await api.turn(1);
    await eventually('the prompt on disk', () => isOnDisk('my name is Ada'));
    kill();
    const killed = await running;
    expect(killed).toMatchObject({ exitCode: 137, error: expect.stringContaining('was ended by SIGKILL') });
    restart();
    api.answers(text('hello Ada'));
    const { sessionId } = killed.metadata ?? {};
    const again = await ask({ prompt: 'and again', sessionId: CLIENT_ID });
    expect(again).toMatchObject({ stdout: 'hello Ada', error: null, metadata: { sessionId, resumed: true } });
    expect(api.heard('my name is Ada', 'and again')).toEqual(['my name is Ada', 'and again']);
    expect(sessions().size).toBe(1);
  });

  promise(
    'fails when the session is unknown, and starts no other in its place',
    async ({ api, ask, restartKnowing, outcomes, sessions }) => {
      restartKnowing('99999999-2222-4333-8444-555555555555');
      const result = await ask({ prompt: 'who am I?' });
      const { exitCode, error } = its.unknownSession;
      expect(result).toMatchObject({ stdout: '', exitCode, error: expect.stringMatching(error) });
      expect(result.metadata).toMatchObject({ cause: 'unknown_session', resumed: true });
      expect(outcomes).toHaveLength(1);
      expect(api.turns).toEqual([]);
      expect(sessions().size).toBe(0);
    },
  );

  promise("fails with the API's words when the API refuses", async ({ api, ask }) => {
    api.answers({ kind: 'fail', status: 400, message: 'no such thing' });
    const result = await ask({});
    const { exitCode, error } = its.apiError;
    expect(result).toMatchObject({ stdout: '', exitCode, error: expect.stringMatching(error) });
    expect(result.metadata).toMatchObject({ cause: 'api', sessionId: expect.stringMatching(UUID) });
  });

  promise('does not run a tool that is not allowed, and says so', async ({ api, ask, workdir }) => {
    const { call, metadata, toldToModel } = its.deniedTool;
    api.answers(call, text('I may not'));
    const result = await ask({ prompt: 'touch a file' });
    expect(result).toMatchObject({ stdout: 'I may not', exitCode: 0, error: null, metadata });
    expect(readdirSync(workdir)).toEqual([]);
    expect(JSON.stringify(api.turns[1]?.body)).toMatch(toldToModel);
  });

  promise('ends when it is cancelled while the model speaks', async ({ api, ask, outcomes }) => {
    api.answers({ kind: 'hang', text: 'let me think' });
    const controller = new AbortController();
    const running = ask({}, controller.signal);
    await api.turn(1);
    controller.abort(new Stop('cancelled'));
    const result = await running;
    expect(result).toMatchObject({ exitCode: -1, error: 'cancelled' });
    expect(result.metadata).toMatchObject({ sessionId: expect.stringMatching(UUID) });
    expect(outcomes).toMatchObject([{ aborted: true, exitCode: its.terminated }]);
  });

  const leavesNoTool =
    (cause: StopCause) =>
    async ({ api, ask, home, processes }: Stage) => {
      const tool = join(home, 'endless');
      writeFileSync(tool, `#!/bin/sh\n: > ${tool}-runs\nsleep 1000\n`, { mode: 0o755 });
      api.answers(its.shell.call(tool), text('done'));
      const controller = new AbortController();
      const running = ask({ prompt: 'run it' }, controller.signal);
      const pids = await eventually('the tool', () => existsSync(`${tool}-runs`) && processes(), 120_000);
      controller.abort(new Stop(cause));
      expect(await running).toMatchObject({ exitCode: -1, error: cause });
      await gone(pids);
    };
  const allowed = { settings: { mode: its.shell.mode } };
  promise('leaves no tool behind when it is cancelled', leavesNoTool('cancelled'), allowed);
  promise('leaves no tool behind when its lease is lost', leavesNoTool('lease lost'), allowed);

  promise('reads a prompt of 200 KB to its end', async ({ api, ask, lines }) => {
    const when = () =>
      eventually('the echo', () => !its.echoes || lines.some((line) => line.includes('the end')));
    api.answers({ ...text('read'), when });
    expect(await ask({ prompt: BIG_PROMPT })).toMatchObject({ stdout: 'read', error: null });
    expect(Buffer.byteLength(BIG_PROMPT)).toBeGreaterThan(200_000);
    expect(api.said()).toContainEqual({ by: 'user', text: BIG_PROMPT });
  });

  promise('takes a prompt that starts with a dash for a prompt', async ({ api, ask }) => {
    api.answers(text('a flag?'));
    expect(await ask({ prompt: '--version' })).toMatchObject({ stdout: 'a flag?', error: null });
    expect(api.said()).toContainEqual({ by: 'user', text: '--version' });
  });
}
