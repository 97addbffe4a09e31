/**
 * The processes of a run and the links between them: one Task API, its runners, its clients, a reader of its events.
 * The far servers that it tells of outcomes are within this process.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { RESTORED } from '../../src/queue/sqlite/upkeep.ts';
import { callbacksBy } from './callbacks.ts';
import type { ClientOptions } from './client.ts';
import { runnerEnvironment, taskApiEnvironment } from './environments.ts';
import { FarServers } from './far-servers.ts';
import { Link } from './link.ts';
import { Member, type MemberParts } from './member.ts';
import type { Role } from './plan.ts';
import type { ReaderOptions } from './reader.ts';
import { survivorsOf } from './survivors.ts';
import type { Ground } from './work.ts';

const CLIENT = fileURLToPath(new URL('client.ts', import.meta.url));
const READER = fileURLToPath(new URL('reader.ts', import.meta.url));
const TOKEN = 'a-token-of-the-chaos-run';
const RUNNERS = 3;
const CLIENTS = 2;
/** What a killed runner leaves must be dead before its tasks can be given away: the lease and then this. */
const GUARD_MS = 5_000;
const STOP_MS = 20_000;
/** Of processes that end by themselves. */
const MAX_INCIDENTS = 10;
const REST_MS = 500;
/** A client may still have to be answered. */
const CLIENT_STOP_MS = 60_000;

/** A process and its own line to the Task API. */
export interface Connected {
  member: Member;
  link: Link;
}

export interface StageParts {
  /** The root of the product that is run. */
  product: string;
  folder: string;
  seed: number;
}

export class Stage {
  readonly marks: string;
  readonly far: FarServers;
  readonly taskApi: Member;
  readonly runners: Connected[];
  readonly clients: Connected[];
  /** A client as well, which follows the events. */
  readonly reader: Connected;
  /** The file of what it has heard. */
  readonly heard: string;
  /** For questions that no trouble befalls. */
  readonly quiet = new Link(() => this.#port);
  /** Of each role, how often it was killed. */
  readonly killed: Record<Role, number> = { taskApi: 0, runner: 0, client: 0 };
  /** What must not happen, whatever the tasks say. */
  readonly incidents: string[] = [];
  readonly leftBehind: string[] = [];
  readonly forgotten: string[] = [];
  readonly token = TOKEN;
  readonly #parts: StageParts;
  /** Restarts and looks at survivors that are under way. */
  readonly #pending = new Set<Promise<unknown>>();
  #port: number | null = null;
  #isAbandoned = false;
  readonly #broken = Promise.withResolvers<never>();
  #ready = Promise.withResolvers<void>();

  constructor(parts: StageParts) {
    this.#parts = parts;
    this.marks = join(parts.folder, 'marks');
    this.far = new FarServers(parts.seed);
    mkdirSync(this.marks, { recursive: true });
    const how = () => ({
      args: [this.#bin, 'task-api'],
      env: taskApiEnvironment(join(parts.folder, 'data'), TOKEN, this.far.environment),
    });
    this.taskApi = this.#member('task-api', how, (line) => this.#hear(line));
    this.runners = names('runner', RUNNERS).map((name) =>
      this.#connected((link) => this.#runner(name, link)),
    );
    this.clients = names('client', CLIENTS).map((name) =>
      this.#connected((link) => this.#client(name, link)),
    );
    this.heard = join(parts.folder, 'heard');
    this.reader = this.#connected((link) => this.#reader(link));
  }

  journalOf(name: string): string {
    return join(this.#parts.folder, `${name}.journal`);
  }

  get ground(): Ground {
    return { marks: this.marks, callbackOf: callbacksBy(this.#parts.seed, this.far.destinations) };
  }

  /** Rejects when the processes end by themselves again and again. */
  get broken(): Promise<never> {
    return this.#broken.promise;
  }

  get kills(): number {
    return this.killed.taskApi + this.killed.runner + this.killed.client;
  }

  async start(): Promise<void> {
    await Promise.all([...this.#links.map((link) => link.open()), this.far.open()]);
    this.taskApi.start();
    await this.#ready.promise;
    for (const { member } of this.connected) member.start();
  }

  membersOf(role: Role): Member[] {
    if (role === 'taskApi') return [this.taskApi];
    const all = role === 'runner' ? this.runners : [...this.clients, this.reader];
    return all.map(({ member }) => member);
  }

  /** Whoever has a line to the Task API. */
  get connected(): Connected[] {
    return [...this.runners, ...this.clients, this.reader];
  }

  /** SIGKILL, and a start `downMs` later, which is not waited for. */
  async kill(role: Role, member: Member, downMs: number): Promise<void> {
    this.killed[role] += 1;
    const mark = `TMPDIR=${member.mark}\0`;
    if (role === 'taskApi') {
      this.#port = null;
      this.#ready = Promise.withResolvers();
    }
    await member.kill();
    if (role === 'runner') this.#track(this.#look(member.name, mark));
    this.#restart(member, downMs);
  }

  /** Everything is as it should be again: all links are mended, all processes are there, the far servers behave. */
  async mend(): Promise<void> {
    for (const { link } of this.connected) link.mend();
    this.far.calm();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
    await this.#ready.promise;
  }

  async stopClients(): Promise<void> {
    await Promise.all(this.clients.map(({ member }) => this.#stop(member, CLIENT_STOP_MS)));
  }

  async stopReader(): Promise<void> {
    await this.#stop(this.reader.member, STOP_MS);
  }

  /** Ends the rest; whatever then still lives was left behind. */
  async stop(): Promise<void> {
    await Promise.all(this.runners.map(({ member }) => this.#stop(member, STOP_MS)));
    await this.#stop(this.taskApi, STOP_MS);
    await Promise.all([...this.#links.map((link) => link.close()), this.far.close()]);
    const survivors = await survivorsOf(this.#parts.folder, GUARD_MS);
    if (survivors.length > 0) this.leftBehind.push(`at the end processes ${survivors.join(', ')} live on`);
  }

  /** Ends everything at once, whatever state it is in. */
  async abandon(): Promise<void> {
    this.#isAbandoned = true;
    await Promise.all([...this.#all.map((member) => member.kill()), this.far.close()]);
    await survivorsOf(this.#parts.folder, STOP_MS);
  }

  get #all(): Member[] {
    return [this.taskApi, ...this.connected.map(({ member }) => member)];
  }

  get #links(): Link[] {
    return [this.quiet, ...this.connected.map(({ link }) => link)];
  }

  async #stop(member: Member, patienceMs: number): Promise<void> {
    const code = await member.stop(patienceMs);
    if (code !== 0)
      this.incidents.push(`${member.name} did not end when asked to: ${code ?? 'it was killed'}`);
  }

  async #look(name: string, mark: string): Promise<void> {
    const survivors = await survivorsOf(mark, GUARD_MS);
    if (survivors.length > 0) {
      this.leftBehind.push(`${name} was killed, and its processes ${survivors.join(', ')} live on`);
    }
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.finally(() => this.#pending.delete(tracked));
    this.#pending.add(tracked);
  }

  /** It is started again, so that the run can come to its end; not for ever. */
  #lose(name: string, sentence: string): void {
    this.incidents.push(sentence);
    const member = this.#all.find((each) => each.name === name);
    if (this.incidents.length > MAX_INCIDENTS) this.#broken.reject(new Error(`given up: ${sentence}`));
    else if (member !== undefined && !this.#isAbandoned) this.#restart(member, REST_MS);
  }

  #restart(member: Member, downMs: number): void {
    this.#track(pause(downMs).then(() => this.#isAbandoned || member.start()));
  }

  #hear(line: string): void {
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line) as { msg: string; url?: string; tasks?: string[] };
    if (said.msg === 'ready') {
      this.#port = Number(new URL(said.url ?? '').port);
      this.#ready.resolve();
    }
    if (said.msg === RESTORED) {
      this.forgotten.push(`${said.tasks?.join(', ')}: pending, and nobody would have claimed it`);
    }
  }

  get #bin(): string {
    return join(this.#parts.product, 'bin/openclaw-runner.mjs');
  }

  #runner(name: string, link: Link): Member {
    const env = () => runnerEnvironment(name, { url: link.url, token: TOKEN });
    return this.#member(name, () => ({ args: [this.#bin, 'runner'], env: env() }));
  }

  #client(name: string, link: Link): Member {
    const { seed } = this.#parts;
    const journal = this.journalOf(name);
    const ours = { token: TOKEN, journal, marks: this.marks, seed, name };
    const options = (): ClientOptions => ({ ...ours, url: link.url, destinations: this.far.destinations });
    return this.#member(name, () => ({ args: [CLIENT, JSON.stringify(options())] }));
  }

  #reader(link: Link): Member {
    const options = () => ({ url: link.url, token: TOKEN, heard: this.heard }) satisfies ReaderOptions;
    return this.#member('reader', () => ({ args: [READER, JSON.stringify(options())] }));
  }

  #member(name: string, how: MemberParts['how'], onLine?: (line: string) => void): Member {
    const onLoss = (sentence: string) => this.#lose(name, sentence);
    const folder = join(this.#parts.folder, name);
    return new Member({ name, folder, how, onLoss, ...(onLine && { onLine }) });
  }

  #connected(create: (link: Link) => Member): Connected {
    const link = new Link(() => this.#port);
    return { link, member: create(link) };
  }
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${kind}-${at + 1}`);
}
