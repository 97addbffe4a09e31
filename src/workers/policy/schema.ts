/** The policy file (`RUNNER_POLICY_FILE`): what a runner's owner allows. config/policy.schema.json is made from this. */
import * as z from 'zod';
import { TASK_TYPES } from '../../queue/task.ts';
import * as CLIS from '../agents/clis.ts';
import { ruleProblem } from './commands.ts';

const DAY_MS = 86_400_000;

const rules = z
  .array(z.string().min(1).superRefine(checkRule))
  .describe(
    '`git *` (here * stands for anything but what begins another command), or `/regular expression/`',
  );
const roots = z
  .array(z.string().regex(/^(~$|~\/|\/|[A-Za-z]:[\\/])[^*]*$/, 'expected an absolute path or ~/…, without *'))
  .describe('Folders, absolute or `~/…`, with all that is below them');

const limits = z.strictObject({
  timeoutMs: z
    .int()
    .min(1_000)
    .max(DAY_MS)
    .optional()
    .describe('The most that a task may ask for, milliseconds'),
  outputBytes: z.int().min(1_024).optional().describe('Kept of stdout, and of stderr; at most 2 MiB'),
  concurrency: z.int().min(1).max(50).optional().describe('Tasks of this type at once'),
});

/** Only here may one go past its CLI's own checks. */
const modes = Object.fromEntries(
  Object.values(CLIS).map(({ label, mode }) => [
    label,
    z
      .strictObject({ mode: z.enum(mode.values).optional().describe(`Instead of ${mode.setting}`) })
      .optional(),
  ]),
);

export const policySchema = z.strictObject({
  $schema: z.string().optional(),
  types: z.array(z.enum(TASK_TYPES)).optional().describe('Types of task that run here; all when missing'),
  commands: z
    .strictObject({
      allow: rules.optional().describe('Only commands that match one of these run; any when missing'),
      deny: rules
        .optional()
        .describe('Commands that match one of these, or have a part that does, never run'),
    })
    .optional(),
  files: z
    .strictObject({
      read: roots.optional().describe('Below these file tasks may read; anywhere when missing'),
      write: roots
        .optional()
        .describe('Below these they may write; the home and the temporary folder when missing'),
      protected: z
        .array(z.string().regex(/^(?!\.{1,2}\/)[^/~*][^*]*$/, 'expected a name, as .claude or .git/hooks'))
        .optional()
        .describe('Names, as `.claude` or `.git/hooks`, that are not written wherever they are'),
    })
    .optional(),
  cwd: roots
    .optional()
    .describe('Below these a task may ask to run; the home and the temporary folder when missing'),
  env: z
    .array(
      z
        .string()
        .regex(/^[A-Za-z_][A-Za-z0-9_]*\*?$/, 'expected a name, as CI, or the beginning of some, as MY_*'),
    )
    .optional()
    .describe('Names that a task may set, `MY_*` for all that begin so; none when missing'),
  limits: z.partialRecord(z.enum(TASK_TYPES), limits).optional(),
  agents: z.strictObject(modes).optional().describe('How much each AI CLI may do unasked'),
});

function checkRule(text: string, { addIssue }: z.core.$RefinementCtx<string>): void {
  const problem = ruleProblem(text);
  if (problem !== null) addIssue(problem);
}

export type PolicyRules = z.output<typeof policySchema>;
export type TypeLimits = z.output<typeof limits>;

/** The JSON Schema of the file, as it is published. */
export function publishedSchema(): object {
  return { ...z.toJSONSchema(policySchema), title: 'What an OpenClaw runner may do' };
}
