import type { TaskType } from '../../queue/task.ts';
import { allowRule, type CommandRule, denyRule } from './commands.ts';
import { isBelow, PROTECTED, placeOf, protectedName } from './places.ts';
import type { PolicyRules, TypeLimits } from './schema.ts';

/** As secret as what they hold: the runner's own token is in one of them. */
const PROCESS = /^\/proc\/\d+\/(task\/\d+\/)?(environ|mem)$/;

/** How the error of a task begins that was not allowed. */
export const REFUSED = 'refused by policy: ';

/** What was asked for is not allowed here: the message is the rule. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';

  constructor(rule: string) {
    super(REFUSED + rule);
  }
}

/** What a policy has to know of the machine. All absolute and real, without symbolic links. */
export interface Surroundings {
  home: string;
  temporary: string;
  /** The runner's own: nothing in it is read or written by a task, whatever the rules say. */
  dataDir: string;
  /** Never written by a task, nor what is in them: what decides about tasks, or is run without being asked. */
  fixed: readonly string[];
  /** The real path of a root that a rule names, itself when it does not exist yet. */
  real: (path: string) => string;
}

/** A policy as JSON, for another process of this machine. */
export interface PlainPolicy {
  rules: PolicyRules;
  surroundings: Omit<Surroundings, 'real'>;
}

/** Where tasks may read, write and run, and where not even there; all real. */
export interface Grounds extends Omit<Surroundings, 'real'> {
  /** Null: anywhere. */
  read: readonly string[] | null;
  write: readonly string[];
  cwd: readonly string[];
  protected: readonly string[];
}

/** What tasks may do on this machine. It decides alone: nothing in a request can widen it. */
export class Policy {
  readonly #rules: PolicyRules;
  readonly #allow: readonly CommandRule[] | null;
  readonly #deny: readonly CommandRule[];
  readonly #read: readonly string[] | null;
  readonly #write: readonly string[];
  readonly #cwd: readonly string[];
  readonly #protected: readonly string[];
  readonly #own: Surroundings;

  /** Throws when a rule is no valid expression. */
  constructor(rules: PolicyRules, surroundings: Surroundings) {
    const { home, temporary, real } = surroundings;
    const usual = [home, temporary];
    const places = (roots: readonly string[]) => roots.map((root) => real(placeOf(root, home)));
    this.#rules = rules;
    this.#own = surroundings;
    this.#allow = rules.commands?.allow?.map(allowRule) ?? null;
    this.#deny = rules.commands?.deny?.map(denyRule) ?? [];
    this.#read = rules.files?.read === undefined ? null : places(rules.files.read);
    this.#write = places(rules.files?.write ?? usual);
    this.#cwd = places(rules.cwd ?? usual);
    this.#protected = rules.files?.protected?.map((name) => name.replace(/\/+$/, '')) ?? PROTECTED;
  }

  /** `PolicyError`, as from all of these. */
  checkType(type: TaskType): void {
    const { types } = this.#rules;
    if (types !== undefined && !types.includes(type))
      throw new PolicyError(`tasks of type ${type} do not run here`);
  }

  checkCommand(command: string): void {
    const denied = this.#deny.find((rule) => rule.matches(command));
    if (denied !== undefined) throw new PolicyError(`commands.deny has ${JSON.stringify(denied.text)}`);
    if (this.#allow === null || this.#allow.some((rule) => rule.matches(command))) return;
    throw new PolicyError('commands.allow has no rule for this command');
  }

  /** `path`: real, of the very file that is open. */
  checkRead(path: string): void {
    this.#checkOwn(path);
    if (PROCESS.test(path))
      throw new PolicyError('the memory and environment of processes are not for tasks');
    if (this.#read !== null && !isBelow(path, this.#read))
      throw new PolicyError('files.read has no folder above this file');
  }

  /** `path`: real, of the file that is to be made or replaced. */
  checkWrite(path: string): void {
    this.#checkOwn(path);
    if (!isBelow(path, this.#write)) throw new PolicyError('files.write has no folder above this file');
    if (isBelow(path, this.#own.fixed))
      throw new PolicyError("the runner's program and policy file are not written by tasks");
    const name = protectedName(path, this.#protected);
    if (name !== undefined) throw new PolicyError(`files.protected has ${JSON.stringify(name)}`);
  }

  /** `path`: real, of the folder that is to be the working directory. */
  checkCwd(path: string): void {
    this.#checkOwn(path);
    if (!isBelow(path, this.#cwd)) throw new PolicyError('cwd has no folder above this one');
  }

  checkEnv(names: readonly string[]): void {
    const allowed = this.#rules.env ?? [];
    const passes = (name: string) =>
      allowed.some((rule) => (rule.endsWith('*') ? name.startsWith(rule.slice(0, -1)) : name === rule));
    const refused = names.find((name) => !passes(name));
    if (refused !== undefined) throw new PolicyError(`env has no ${JSON.stringify(refused)}`);
  }

  /** Absolute: `~/` is the home folder, and what else is not absolute is in `folder`, or in it. */
  place(path: string, folder?: string): string {
    return placeOf(path, this.#own.home, folder);
  }

  get grounds(): Grounds {
    const [read, write, cwd] = [this.#read, this.#write, this.#cwd];
    return { ...this.plain.surroundings, read, write, cwd, protected: this.#protected };
  }

  get plain(): PlainPolicy {
    const { real: _, ...surroundings } = this.#own;
    return { rules: this.#rules, surroundings };
  }

  /** What a task that asks for so many milliseconds gets. */
  timeoutMs(type: TaskType, asked: number): number {
    return Math.min(asked, this.limits(type).timeoutMs ?? asked);
  }

  /** Kept of each output. */
  outputBytes(type: TaskType): number {
    return this.limits(type).outputBytes ?? Infinity;
  }

  limits(type: TaskType): TypeLimits {
    return this.#rules.limits?.[type] ?? {};
  }

  /** How much an AI CLI may do unasked, where the policy says so. */
  agentMode(label: string): string | undefined {
    return this.#rules.agents?.[label]?.mode;
  }

  #checkOwn(path: string): void {
    if (isBelow(path, [this.#own.dataDir]))
      throw new PolicyError("the runner's own data folder is not for tasks");
  }
}
