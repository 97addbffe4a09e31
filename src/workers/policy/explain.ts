import * as CLIS from '../agents/clis.ts';
import type { Policy } from './policy.ts';
import type { PolicyRules, TypeLimits } from './schema.ts';

/** What a policy lets tasks do, in sentences for its owner. */
export function explain(policy: Policy): string[] {
  const { rules } = policy.plain;
  return [
    rules.types === undefined
      ? 'Tasks of every type run.'
      : `Tasks run of type ${listed(rules.types, 'none')}; of no other.`,
    ...commandSentences(rules),
    ...fileSentences(policy, rules),
    `Tasks may ask to run below ${listed(policy.grounds.cwd, 'no folder')}.`,
    rules.env === undefined || rules.env.length === 0
      ? 'Tasks set no environment.'
      : `Tasks may set ${listed(rules.env)} in their environment, and nothing else.`,
    ...limitSentences(rules),
    ...Object.values(CLIS).map((cli) => modeSentence(cli, policy.agentMode(cli.label))),
  ];
}

function commandSentences({ commands }: PolicyRules): string[] {
  const allowed =
    commands?.allow === undefined
      ? 'Any command runs'
      : `Only commands run that match ${listed(commands.allow.map(quoted), 'nothing')}`;
  const denied = commands?.deny?.length ? `, and none that matches ${listed(commands.deny.map(quoted))}` : '';
  return [`${allowed}${denied}.`];
}

function fileSentences(policy: Policy, { files }: PolicyRules): string[] {
  const { grounds } = policy;
  const below = files?.read === undefined ? 'anywhere' : `below ${listed(grounds.read ?? [], 'no folder')}`;
  return [
    `File tasks read ${below}, but nothing of the runner's own folder ${grounds.dataDir}, and no memory or environment of processes.`,
    `File tasks write below ${listed(grounds.write, 'no folder')}, but nothing in or named ${listed(grounds.protected, 'otherwise')}, nor this program and its policy file.`,
  ];
}

function limitSentences({ limits = {} }: PolicyRules): string[] {
  return Object.entries(limits).flatMap(([type, limit]) => {
    const parts = limit === undefined ? [] : limitParts(limit);
    return parts.length === 0 ? [] : [`Tasks of type ${type} have ${parts.join(', ')}.`];
  });
}

function limitParts({ timeoutMs, outputBytes, concurrency }: TypeLimits): string[] {
  return [
    timeoutMs === undefined ? '' : `at most ${timeoutMs / 1_000} s`,
    outputBytes === undefined ? '' : `${sizeTold(outputBytes)} of each output`,
    concurrency === undefined ? '' : `${concurrency} at once`,
  ].filter(Boolean);
}

function sizeTold(bytes: number): string {
  return bytes % 1_024 === 0 ? `${bytes / 1_024} KiB` : `${bytes} bytes`;
}

type Cli = (typeof CLIS)[keyof typeof CLIS];

function modeSentence({ label, mode }: Cli, ruled: string | undefined): string {
  if (ruled === undefined)
    return `${label} has the ${mode.name} of ${mode.setting}, or ${mode.fallback}; never ${listed(mode.bypass)}.`;
  const warning = mode.bypass.includes(ruled)
    ? ': it asks nobody, and whoever may submit tasks is obeyed'
    : '';
  return `${label} has the ${mode.name} ${ruled}${warning}.`;
}

/** With its blanks, and the commas that it may have. */
function quoted(rule: string): string {
  return `"${rule}"`;
}

function listed(items: readonly string[], none = ''): string {
  return items.length === 0 ? none : items.join(', ');
}
