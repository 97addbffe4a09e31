/** The parts of the chaos run: that its checkers see what they are there to see. The run itself is `npm run chaos`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Event } from '../../src/queue/events.ts';
import type { Result, TaskState } from '../../src/queue/task.ts';
import { Journal, readJournal } from '../chaos/journal.ts';
import { type Acknowledged, type Findings, type History, judge, redeliveries } from '../chaos/judge.ts';
import { type Fault, Link } from '../chaos/link.ts';
import { attemptIn, type Mark, overlapsIn, readWorld } from '../chaos/marks.ts';
import { planKills, planTroubles, ROLES } from '../chaos/plan.ts';
import { processesWith, survivorsOf } from '../chaos/survivors.ts';
import { aWork, type Lane, workAt } from '../chaos/work.ts';
import { eventually } from '../support/eventually.ts';
import { tempFolder } from '../support/temp-folder.ts';

const MAIN = fileURLToPath(new URL('../chaos/main.ts', import.meta.url));

/** `start 0 a` is the start of attempt a of the lane's task 0. */
function marks(...lines: string[]): Mark[] {
  return lines.map((line) => {
    const [what = '', index = '', attempt = '', runner = 'runner-1'] = line.split(' ');
    return { what, key: `lane.${index}`, attempt, runner };
  });
}

/** `started 1` is `task.started` with that attempt; `=` ends it with another status than the type would give. */
function events(...types: string[]): Event[] {
  return types.map((text, at) => {
    const [type = '', attempt] = text.split(' ');
    const details = { attempt: Number(attempt), ...(type === 'reattached' && { reattached: true }) };
    const lost = types.slice(0, at + 1).filter((each) => each === 'lease_lost').length;
    const isReattached = type === 'reattached';
    const event = { seq: at + 1, type: `task.${isReattached ? 'started' : type}` };
    return { ...event, taskStatus: STATUS[type] ?? type, details: { ...details, lost } } as unknown as Event;
  });
}

const STATUS: Record<string, string> = {
  created: 'pending',
  started: 'running',
  reattached: 'running',
  lease_lost: 'pending',
  released: 'pending',
  requeued: 'pending',
  retried: 'pending',
  cancel_requested: 'running',
};

const WELL = ['created', 'started 1', 'completed'];

function aTask(
  index: number,
  change: Partial<Acknowledged> = {},
  kind: Lane['kind'] = 'command',
): Acknowledged {
  const place = { marks: '/nowhere', lane: { name: 'lane', kind }, index };
  return {
    work: aWork(place, { beats: { first: 1, later: 1 }, exitCode: 0 }),
    taskId: `id-${index}`,
    wasCancelled: false,
    wasRetried: false,
    told: [],
    state: state('completed', 1, 0),
    result: result('a'),
    events: events(...WELL),
    why: null,
    ...change,
  };
}

function state(status: string, attempt: number, lost: number): TaskState {
  return { status, attempt, lost } as TaskState;
}

function result(attempt: string, exitCode = 0, error: string | null = null): Result {
  return { stdout: `${attempt}\n`, exitCode, error } as Result;
}

function found(tasks: Acknowledged[], lane: Mark[], change: Partial<History> = {}): Partial<Findings> {
  const world = new Map([['lane', lane]]);
  const nothing = { refused: [], unknown: [], forgotten: [], batches: [] };
  const schedules = { kept: [], listed: [], log: [] };
  const followed = { heard: [], newest: 0 };
  const called = { channels: [], dead: new Map() };
  const findings = judge({ tasks, ...nothing, world, schedules, followed, called, ...change });
  return Object.fromEntries(Object.entries(findings).filter(([, sentences]) => sentences.length > 0));
}

const ONE = marks('start 0 a', 'beat 0 a', 'end 0 a');
/** The runner of the first attempt was killed. */
const TWICE = marks('start 0 a', 'beat 0 a', 'start 0 b runner-2', 'end 0 b runner-2');

describe('a history without a fault', () => {
  test.each<[string, Acknowledged[], Mark[]]>([
    ['one attempt', [aTask(0)], ONE],
    [
      'a second attempt, and the next task after it',
      [
        aTask(0, {
          state: state('completed', 2, 1),
          result: result('b'),
          events: events('created', 'started 1', 'lease_lost', 'started 2', 'late_result', 'completed'),
        }),
        aTask(1, { result: result('c') }),
      ],
      [...TWICE, ...marks('start 1 c', 'end 1 c')],
    ],
    [
      'an attempt that was taken up again',
      [aTask(0, { events: events('created', 'started 1', 'lease_lost', 'reattached 1', 'completed') })],
      ONE,
    ],
    [
      'a result of a lease that was lost, and nobody else had the task',
      [
        aTask(0, {
          state: state('completed', 1, 1),
          events: events('created', 'started 1', 'lease_lost', 'completed'),
        }),
      ],
      ONE,
    ],
    [
      'a failure with a retry left, which its runner told of after it had lost its lease',
      [
        aTask(0, {
          state: state('completed', 2, 1),
          result: result('b'),
          events: events('created', 'started 1', 'lease_lost', 'retried', 'started 2', 'completed'),
        }),
      ],
      marks('start 0 a', 'end 0 a', 'start 0 b', 'end 0 b'),
    ],
    [
      'a task that was cancelled before it started',
      [
        aTask(0, {
          state: state('cancelled', 0, 0),
          wasCancelled: true,
          events: events('created', 'cancelled'),
        }),
      ],
      [],
    ],
  ])('%s', (_, tasks, lane) => {
    expect(found(tasks, lane)).toEqual({});
  });

  test('tells how often something was delivered again', () => {
    expect(
      redeliveries([aTask(0), aTask(1, { events: events('created', 'started 1', 'released', 'started 2') })]),
    ).toBe(1);
  });
});

describe('a fault in a history', () => {
  const ended = (attempt: number, lost: number, ...types: string[]) =>
    aTask(0, { state: state('completed', attempt, lost), events: events(...types) });

  test.each<[string, Acknowledged]>([
    ['is not known any more', aTask(0, { state: null })],
    ['has no result', aTask(0, { result: null })],
    ['ended with a code that is not its own', aTask(0, { result: result('a', 1, 'a disk that is full') })],
    ['has the result of no attempt', aTask(0, { result: result('x') })],
    [
      'was cancelled by nobody',
      aTask(0, { state: state('cancelled', 1, 0), events: events('created', 'started 1', 'cancelled') }),
    ],
  ])('lost: a task %s', (_, task) => {
    expect(found([task], ONE)).toEqual({ lost: [expect.stringContaining('lane.0 (id-0)')] });
  });

  test('lost: a submission that was refused', () => {
    expect(found([], [], { refused: ['409'] })).toEqual({ lost: ['a submission was refused: 409'] });
  });

  test('duplicateResults: two answers that differ, and a task that nobody was told of', () => {
    const told = [{ exitCode: 0, stdout: 'z\n' }];
    expect(found([aTask(0, { told })], ONE, { unknown: ['id-9'] })).toEqual({
      duplicateResults: ['lane.0 (id-0): its result was z first, then a', 'nobody was told of task id-9'],
    });
  });

  test('duplicateResults: the result of an attempt that another one had replaced', () => {
    const task = ended(2, 1, 'created', 'started 1', 'lease_lost', 'started 2', 'completed');
    const lane = marks('start 0 a', 'end 0 a', 'start 0 b runner-2', 'beat 0 b runner-2');
    expect(found([task], lane)).toEqual({
      duplicateResults: [expect.stringContaining('runner-2 had replaced')],
    });
  });

  test('overlaps: a sign of life after a later attempt has begun, told once', () => {
    const lane = marks('start 0 a', 'start 0 b runner-2', 'beat 0 a', 'end 0 b runner-2', 'beat 0 a');
    expect(overlapsIn(lane)).toEqual([
      'lane.0 (attempt a at runner-1) was alive while lane.0 (attempt b at runner-2) ran',
    ]);
    expect(overlapsIn([...ONE, ...marks('start 1 c', 'beat 0 a')])).toHaveLength(1);
  });

  test('orderBreaks: a task that starts after a later one of its key', () => {
    const lane = marks('start 1 b', 'end 1 b', 'start 0 a', 'end 0 a');
    expect(found([aTask(0), aTask(1, { result: result('b') })], lane)).toEqual({
      orderBreaks: ['lane.0 (attempt a at runner-1) started after lane.1 (attempt b at runner-1)'],
    });
  });

  test.each<[string, Acknowledged]>([
    ['ends twice', ended(1, 0, ...WELL, 'completed')],
    ['never ends, says the story', ended(1, 0, 'created', 'started 1')],
    ['starts twice at a time', ended(2, 0, 'created', 'started 1', 'started 2', 'completed')],
    ['skips an attempt', ended(2, 0, 'created', 'started 2', 'completed')],
    [
      'starts after it was to be cancelled',
      ended(2, 0, 'created', 'started 1', 'cancel_requested', 'released', 'started 2', 'completed'),
    ],
    [
      'is finished by one who had given it back',
      ended(1, 0, 'created', 'started 1', 'released', 'completed'),
    ],
    [
      'is taken up again by one who had given it back',
      ended(1, 0, 'created', 'started 1', 'released', 'reattached 1', 'completed'),
    ],
    ['was lost more often than it says', ended(1, 0, 'created', 'started 1', 'lease_lost', 'completed')],
    ['was created twice', ended(1, 0, 'created', ...WELL)],
    ['has an event of an unknown type', ended(1, 0, 'created', 'started 1', 'result_refused', 'completed')],
    ['starts anew after it was completed', ended(2, 0, ...WELL, 'retried', 'started 2', 'completed')],
  ])('eventMismatches: a task that %s', (_, task) => {
    expect(found([task], ONE)).toEqual({ eventMismatches: [expect.stringContaining('created')] });
  });

  test('eventMismatches: a task that ends before it starts', () => {
    const lost = { exitCode: -1, stdout: '', error: 'lost with its runner 3 times' } as Result;
    const task = aTask(0, {
      state: state('failed', 0, 0),
      result: lost,
      events: events('created', 'failed'),
    });
    expect(found([task], [])).toEqual({ eventMismatches: [expect.stringContaining('created → failed')] });
  });

  test('eventMismatches: a task that ran more often than its events say', () => {
    expect(found([aTask(0, { result: result('b') })], TWICE)).toEqual({
      eventMismatches: ['lane.0 (id-0): it started 2 times, its events say 1'],
    });
  });

  test('stuck: a task that does not end, and one that was forgotten for a while', () => {
    const why = 'It is ready, and waits for a runner.';
    const task = aTask(0, { state: state('pending', 0, 0), result: null, events: events('created'), why });
    expect(found([task], [], { forgotten: ['id-3'] })).toEqual({ stuck: [`lane.0 (id-0): ${why}`, 'id-3'] });
  });

  test('strayed: a conversation that goes on where its files are not', () => {
    const tasks = [aTask(0, {}, 'claude'), aTask(1, { result: result('b') }, 'claude')];
    const lane = [...ONE, ...marks('start 1 b runner-2', 'end 1 b runner-2')];
    expect(found(tasks, lane)).toEqual({
      strayed: [expect.stringContaining('its conversation is at runner-1')],
    });
  });
});

describe('the plan', () => {
  test('follows from the seed, and kills each role', () => {
    expect(planKills(7, 50)).toEqual(planKills(7, 50));
    expect(planKills(7, 50)).not.toEqual(planKills(8, 50));
    expect(new Set(planKills(9, 3).map(({ role }) => role))).toEqual(new Set(ROLES));
    const plan = () => {
      const troubles = planTroubles(7);
      return Array.from({ length: 50 }, () => troubles.next().value);
    };
    expect(plan()).toEqual(plan());
    expect(new Set(plan().map(({ fault }) => fault.kind))).toEqual(
      new Set(['cut', 'tear', 'delay', 'stall']),
    );
  });

  test('gives the same task the same place, whoever asks', () => {
    const place = { marks: '/m', lane: { name: 'client-1-loose-0', kind: 'loose' as const }, index: 3 };
    expect(workAt(1, place)).toEqual(workAt(1, place));
    expect(workAt(1, place).group).toBe(workAt(1, place).key);
  });
});

describe('a link', () => {
  /** A line to a server that answers each byte with two. */
  async function aLine(fault?: Fault) {
    const connections: Socket[] = [];
    const server = createServer((socket) => {
      connections.push(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk) => socket.write(Buffer.concat([chunk, chunk])));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const link = new Link(() => (server.address() as AddressInfo).port);
    await link.open();
    onTestFinished(async () => {
      await link.close();
      server.close();
    });
    if (fault !== undefined) link.trouble(fault);
    const { port } = new URL(link.url);
    const socket = connect(Number(port), '127.0.0.1');
    const line = { link, socket, connections, heard: '', isOver: false };
    socket.setEncoding('utf8').on('data', (text: string) => {
      line.heard += text;
    });
    socket
      .on('error', () => {})
      .on('close', () => {
        line.isOver = true;
      });
    return line;
  }

  const write = (socket: Socket, text: string) => new Promise((done) => socket.write(text, done));

  test('carries both ways, and breaks when it is cut', async () => {
    const line = await aLine();
    await write(line.socket, 'ab');
    await eventually('the answer', () => line.heard === 'abab');
    line.link.trouble({ kind: 'cut' });
    await eventually('the end', () => line.isOver);
    const later = await aLine({ kind: 'cut' });
    await eventually('the end of another', () => later.isOver);
  });

  test.each<[string, Fault]>([
    ['up', { kind: 'stall', ways: ['up'] }],
    ['down', { kind: 'stall', ways: ['down'] }],
    ['up and down', { kind: 'stall', ways: ['up', 'down'] }],
  ])('half-open (%s): holds back what is sent until it is mended', async (_, fault) => {
    const line = await aLine(fault);
    await write(line.socket, 'x');
    const other = await aLine();
    await write(other.socket, 'y');
    await eventually('an answer on another line', () => other.heard === 'yy');
    expect(line).toMatchObject({ heard: '', isOver: false });
    line.link.mend();
    await eventually('the answer', () => line.heard === 'xx');
  });

  test('torn: an answer breaks off', async () => {
    const line = await aLine({ kind: 'tear', bytes: 3 });
    await write(line.socket, 'ab');
    await eventually('the end', () => line.isOver);
    expect(line.heard).toBe('aba');
  });

  test('delayed: everything arrives, and nothing overtakes what was held back', async () => {
    const line = await aLine({ kind: 'delay', ms: 100 });
    await write(line.socket, 'a');
    await eventually('its connection', () => line.connections.length > 0);
    line.link.mend();
    await write(line.socket, 'b');
    await eventually('the answers', () => line.heard.length === 4);
    expect(['aabb', 'abab']).toContain(line.heard);
  });
});

describe('a journal', () => {
  test('goes on behind a line that a kill cut off', () => {
    const path = join(tempFolder(), 'journal');
    const first = new Journal(path);
    first.write({ what: 'acknowledged', key: 'a', taskId: '1' });
    first.close();
    appendFileSync(path, '{"what":"ackn');
    const second = new Journal(path);
    second.write({ what: 'cancel', key: 'a' });
    second.close();
    expect(readJournal(path).map(({ what }) => what)).toEqual(['acknowledged', 'cancel']);
  });
});

describe.runIf(process.platform === 'linux')('a task (on Linux: it has /proc)', () => {
  test('leaves marks in the world, in their order, whatever ends it', async () => {
    const folder = tempFolder();
    const place = { marks: folder, lane: { name: 'lane', kind: 'command' as const }, index: 0 };
    const { body } = aWork(place, { beats: { first: 1_000, later: 2 }, exitCode: 3, words: 12 });
    const start = () =>
      spawn('/bin/sh', ['-c', String(body.command)], { env: { HOME: '/h/runner-1', TMPDIR: folder } });
    const lane = () => readWorld(folder).get('lane') ?? [];
    const first = start();
    onTestFinished(() => void first.kill('SIGKILL'));
    await eventually('a sign of life', () => lane().some(({ what }) => what === 'beat'));
    expect(processesWith(`TMPDIR=${folder}\0`)).toContain(first.pid);
    first.kill('SIGKILL');
    expect(await survivorsOf(`TMPDIR=${folder}\0`, 30_000)).toEqual([]);
    const second = start();
    const printed = text(second.stdout);
    const [code] = await once(second, 'exit');
    expect(code).toBe(3);
    const [{ attempt } = { attempt: '' }] = lane();
    const own = lane().filter((mark) => mark.attempt !== attempt);
    expect(own.map(({ what }) => what)).toEqual(['start', 'beat', 'beat', 'end']);
    expect(own[0]).toMatchObject({ key: 'lane.0', runner: 'runner-1' });
    const name = own[0]?.attempt;
    const words = Array.from({ length: 12 }, (_, at) => `${name}.${at + 1}`);
    expect((await printed).trim().split(/\s+/)).toEqual([name, ...words]);
    expect(attemptIn(await printed)).toBe(name);
    expect(overlapsIn(lane())).toEqual([]);
  });
});

describe('the command', () => {
  const chaos = (...args: string[]) => spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' });

  test.each([
    [['--kills', '2'], 'It takes a whole number, at least 3.'],
    [['--kills', 'many'], 'It takes a whole number'],
    [['--break', 'everything'], 'Allowed choices are fence, promotion, guard, sync'],
    [['--cats'], "unknown option '--cats'"],
  ])('refuses %j with a sentence, and runs nothing', (args, sentence) => {
    const { status, stdout, stderr } = chaos(...args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(sentence);
  });

  test('explains itself', () => {
    const { status, stdout } = chaos('--help');
    expect(status).toBe(0);
    for (const option of ['--kills', '--seed', '--json', '--keep', '--break'])
      expect(stdout).toContain(option);
  });
});
