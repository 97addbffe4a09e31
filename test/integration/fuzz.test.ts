/** Parts of the fuzz run (`npm run -s fuzz`): what makes the requests, what judges the answers, what reads the database. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it, onTestFinished } from 'vitest';
import * as z from 'zod';
import { systemClock as clock } from '../../src/clock.ts';
import { openQueue } from '../../src/queue/index.ts';
import { AnswerReader } from '../fuzz/answers.ts';
import { FUZZ_BREAKS } from '../fuzz/breaks.ts';
import { Connection, type Exchange } from '../fuzz/connection.ts';
import { UNBOUND } from '../fuzz/errands.ts';
import { faultsOf } from '../fuzz/judge.ts';
import { Ledger } from '../fuzz/ledger.ts';
import { shotAt } from '../fuzz/plan.ts';
import { Random } from '../fuzz/random.ts';
import { type Request, requestOf, type Values, validValues } from '../fuzz/requests.ts';
import { targets } from '../fuzz/route-table.ts';
import { markerOf, type Shot, TOKEN } from '../fuzz/shot.ts';
import { readStored } from '../fuzz/stored/reader.ts';
import { silentLog } from '../support/log-lines.ts';
import { aCommand } from '../support/queue.ts';
import { brokenProduct } from '../support/sabotage.ts';
import { SETTINGS } from '../support/settings.ts';
import { tempFolder } from '../support/temp-folder.ts';

const MAIN = fileURLToPath(new URL('../fuzz/main.ts', import.meta.url));
const TARGETS = targets();
const SEED = 5;

describe('the requests', () => {
  it('are the same for the same seed and number, and others for others', () => {
    const bytes = (seed: number, index: number) => {
      const { pieces } = shotAt(seed, index, TARGETS).sending(UNBOUND);
      return Buffer.concat(pieces.map((piece) => piece.bytes)).toString('latin1');
    };
    for (let index = 0; index < 300; index++) expect(bytes(SEED, index)).toBe(bytes(SEED, index));
    expect(bytes(SEED, 0)).not.toBe(bytes(SEED, 1));
    expect(bytes(SEED, 0)).not.toBe(bytes(SEED + 1, 0));
  });

  it('are a fifth valid ones, and reach every route in each way', () => {
    const shots = Array.from({ length: 20_000 }, (_, index) => shotAt(SEED, index, TARGETS));
    expect(shots.filter(({ kind }) => kind === 'valid').length / shots.length).toBeGreaterThan(0.2);
    for (const kind of ['valid', 'wild', 'stranger', 'paths', 'headers', 'flipped']) {
      const reached = new Set(shots.filter((shot) => shot.kind === kind).map(({ target }) => target));
      expect([kind, reached.size]).toEqual([kind, TARGETS.length]);
    }
  });

  it.each(TARGETS.filter(({ contract }) => contract !== null))(
    'know every field of $method $path',
    ({ fields, contract }) => {
      expect(Object.keys(fields).toSorted()).toEqual(Object.keys(shapeOf(contract)).toSorted());
    },
  );

  it.each(TARGETS.filter(({ contract }) => contract !== null))(
    'of $method $path are taken or refused by the product as they are meant to be',
    (target) => {
      const takes = (values: Values) =>
        target.contract?.safeParse(received(requestOf(target, values))).success;
      for (let seed = 0; seed < 100; seed++) {
        const random = new Random(seed);
        const valid = validValues(target, random, 'm');
        expect([valid, takes(valid)]).toEqual([valid, true]);
        for (const [name, { invalid }] of Object.entries(target.fields)) {
          if (invalid === null) continue;
          const broken = { ...valid, [name]: invalid(random) };
          expect([name, broken[name], takes(broken)]).toEqual([name, broken[name], false]);
        }
      }
    },
  );
});

/** What a handler gets of the query or the body. */
function received({ path, body }: Request): unknown {
  if (body !== undefined) return JSON.parse(String(body));
  return Object.fromEntries(new URL(path, 'http://localhost').searchParams);
}

function shapeOf(contract: z.ZodType | null): object {
  if (contract instanceof z.ZodPipe) return shapeOf(contract.in as z.ZodType);
  if (contract instanceof z.ZodObject) return contract.shape;
  throw new Error('the fields of this contract are not known');
}

describe('the judge', () => {
  const VALID: Shot = { ...shotAt(SEED, 0, TARGETS), whole: true, authorized: true, expect: 'accepted' };
  const STRANGER: Shot = { ...VALID, authorized: false, expect: 'refused' };
  const INVALID: Shot = { ...VALID, expect: 'refused' };
  const answered = (status: number, text: string, type = 'application/json; charset=utf-8'): Exchange => {
    const reader = new AnswerReader(false);
    const head = `HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n`;
    reader.push(Buffer.from(head + text));
    return { answers: reader.answers, garbled: reader.garbled, end: 'answered' };
  };
  const REFUSED = JSON.stringify({ error: 'no', code: 'unauthorized' });
  const NONE: Exchange = { answers: [], garbled: false, end: 'cut' };
  const figures = (shot: Shot, exchange: Exchange) => faultsOf(shot, exchange).map(({ figure }) => figure);

  it('finds nothing wrong with what is right', () => {
    expect(figures(VALID, answered(200, '{"taskId":"x"}'))).toEqual([]);
    expect(figures(STRANGER, answered(401, REFUSED))).toEqual([]);
    expect(figures(INVALID, answered(400, REFUSED))).toEqual([]);
    expect(figures({ ...STRANGER, whole: false }, NONE)).toEqual([]);
  });

  it.each<[string, Shot, Exchange, string]>([
    ['an error of the server', VALID, answered(500, REFUSED), 'serverErrors'],
    ['an error page', INVALID, answered(400, '<html>', 'text/html'), 'serverErrors'],
    ['an error without a code', INVALID, answered(400, '{"error":"no"}'), 'serverErrors'],
    ['an unknown code', INVALID, answered(400, '{"error":"no","code":"nonsense"}'), 'serverErrors'],
    [
      'an answer that shows the token',
      INVALID,
      answered(400, `{"error":"${TOKEN}","code":"internal"}`),
      'serverErrors',
    ],
    ['no answer', VALID, NONE, 'serverErrors'],
    ['what is no HTTP', VALID, { ...answered(200, '{}'), garbled: true }, 'serverErrors'],
    ['a stranger who is served', STRANGER, answered(200, '{}'), 'unauthorizedAccepted'],
    ['a stranger whose body was looked at', STRANGER, answered(400, REFUSED), 'none'],
    ['a valid request that is refused', VALID, answered(400, REFUSED), 'none'],
    ['an invalid request that is accepted', INVALID, answered(200, '{}'), 'none'],
  ])('finds %s', (_, shot, exchange, figure) => {
    expect(figures(shot, exchange)).toContain(figure);
  });
});

it('a connection tells an answer, a hang-up of the server and silence apart', async () => {
  const server = createServer((socket) => {
    socket
      .on('error', () => {})
      .once('data', (bytes) => {
        if (bytes.includes('answer')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
        if (bytes.includes('close')) socket.destroy();
        if (bytes.includes('garbage')) socket.write('garbage\r\n\r\n');
      });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const ask = async (text: string) => {
    const connection = new Connection((server.address() as AddressInfo).port);
    const pieces = [{ bytes: Buffer.from(text), after: 0 }];
    const exchange = await connection.exchange({
      pieces,
      answers: 1,
      isHead: false,
      patience: text === 'silence' ? 5 : 30_000,
    });
    connection.hangUp();
    return [exchange.end, exchange.garbled, exchange.answers.length];
  };
  expect(await ask('answer')).toEqual(['answered', false, 1]);
  expect(await ask('close')).toEqual(['closed', false, 0]);
  expect(await ask('silence')).toEqual(['cut', false, 0]);
  expect(await ask('garbage')).toEqual(['cut', true, 0]);
});

describe('the reader of the database', () => {
  /** A Task API's files with one acknowledged command and prompt of request 1, after `sql` was done to them. */
  async function stored(sql = '', change: (ledger: Ledger) => void = () => {}) {
    const folder = tempFolder();
    const files = { taskDb: join(folder, 'tasks.db'), eventDb: join(folder, 'events.db') };
    const queue = await openQueue({ ...files, clock, log: silentLog(), ...SETTINGS });
    const command = markerOf(SEED, 1);
    const ledger = new Ledger();
    for (const task of [aCommand({ payload: { command, timeout: 30_000, type: 'command' } })]) {
      const { taskId } = await queue.submit(task);
      ledger.tasks.set(taskId, 1);
      ledger.requests.set(1, { outcome: 'accepted', authorized: true, expect: 'accepted' });
    }
    await queue.close();
    change(ledger);
    const db = new Database(files.taskDb);
    db.exec(sql);
    db.close();
    return readStored(folder, ledger);
  }

  it('finds nothing where all is as it should be', async () => {
    expect(await stored()).toEqual({ garbage: [], unauthorized: [], lost: [] });
  });

  it.each([
    ['a bound that is passed', 'UPDATE tasks SET lease_ms = 5', /lease_ms is 5/],
    ['a value that is none', `UPDATE tasks SET status = 'zombie'`, /status is "zombie"/],
    [
      'a payload of another shape',
      `UPDATE tasks SET payload = '{"command":5,"type":"command"}'`,
      /payload is/,
    ],
    ['a payload that is no JSON', `UPDATE tasks SET payload = '{'`, /payload is/],
    [
      'a polluted prototype',
      `UPDATE tasks SET payload = json_set(payload, '$.command', 'fuzz-polluted')`,
      /polluted/,
    ],
    [
      'a result of no task',
      `INSERT INTO results VALUES (99, '', '', 0, 'null', '{}')`,
      /results of no ended task: 99/,
    ],
    [
      'a session of no task',
      `INSERT INTO sessions VALUES ('x', 'claude', NULL, 1, 0, 0, 0)`,
      /session "x" is of no task/,
    ],
    [
      'a receipt of no task',
      `INSERT INTO idempotency VALUES ('s', 'k', '/tasks', 'h', '{"taskId":"x"}', 0)`,
      /receipts of no task: k/,
    ],
    [
      'an event that nobody recorded',
      `UPDATE event_groups SET events = json_set(events, '$[0][0]', 'planted')`,
      /no request has made it \(planted\)/,
    ],
    [
      'a wrong count',
      `UPDATE counters SET value = 7 WHERE name = 'tasks/pending'`,
      /counter tasks\/pending is 7/,
    ],
    [
      'a column that nobody described',
      'ALTER TABLE tasks ADD COLUMN extra TEXT',
      /nothing is known of tasks.extra/,
    ],
    [
      'a credential that everybody can read',
      `UPDATE tasks SET callback =
        '{"kind":"discord","target":"1","threadId":null,"token":"in the clear","on":["failed"]}'`,
      /callback is/,
    ],
    ['the token', `UPDATE tasks SET origin = '${TOKEN}'`, /holds "the-token/],
  ])('finds %s', async (_, sql, sentence) => {
    const { garbage } = await stored(sql);
    expect(garbage.join('\n')).toMatch(sentence);
  });

  it.each([
    ['of a refused request', 'refused' as const, true, /request 1 was refused/],
    ['of an invalid request', 'accepted' as const, true, /request 1 is invalid/],
    ['of a stranger', 'unknown' as const, false, /request 1 came without the token/],
  ])('finds a task %s', async (_, outcome, authorized, sentence) => {
    const entry = { outcome, authorized, expect: 'refused' as const };
    const { garbage, unauthorized } = await stored('', ({ requests }) => requests.set(1, entry));
    expect((authorized ? garbage : unauthorized).join('\n')).toMatch(sentence);
  });

  it('allows a task whose answer got lost, and finds one that nobody asked for', async () => {
    const forget = ({ tasks }: Ledger) => tasks.clear();
    const unheard = ({ requests }: Ledger) =>
      requests.set(1, { outcome: 'unknown', authorized: true, expect: 'accepted' });
    expect((await stored('', (ledger) => [forget(ledger), unheard(ledger)])).garbage).toEqual([]);
    const renamed = `UPDATE tasks SET payload = json_set(payload, '$.command', 'x')`;
    expect((await stored(renamed, forget)).garbage.join('\n')).toMatch(/no request has made it/);
  });

  it('finds that an acknowledged task is missing', async () => {
    const { lost } = await stored('', ({ tasks }) => tasks.set('gone', 2));
    expect(lost).toEqual(['task gone was acknowledged, and is not there']);
  });
});

describe('the command', () => {
  const run = (...args: string[]) =>
    new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      execFile(process.execPath, [MAIN, ...args], (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, stdout, stderr });
      });
    });

  it.each([
    [['--requests', '0'], /at least 1/],
    [['--requests', 'many'], /whole number/],
    [['--seed', '-1'], /whole number/],
    [['--break', 'nonsense'], /one of auth, schema, errors, crash, leak/],
    [['--break', 'fence'], /npm run -s chaos -- --break fence/],
    [['--nonsense'], /unknown option/],
    [['stray'], /too many arguments/],
  ])('refuses %j with a sentence, and runs nothing', async (args, sentence) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(sentence);
  });

  it('explains itself', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const option of ['--requests', '--seed', '--only', '--break', '--json'])
      expect(stdout).toContain(option);
  });

  it('shows a request and its answer', async () => {
    const { code, stdout, stderr } = await run('--only', '3', '--seed', '1');
    expect([code, JSON.parse(stdout).request]).toEqual([0, 3]);
    expect(stderr).toMatch(/^> \w+ .*\n(.*\n)*< \d{3} /m);
  });

  it.each(Object.entries(FUZZ_BREAKS))('still finds what %s breaks', (_, edits) => {
    expect(() => brokenProduct(join(tempFolder(), 'product'), edits)).not.toThrow();
  });
});
