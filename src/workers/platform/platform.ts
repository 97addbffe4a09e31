import type { KillTree } from '../process-tree.ts';

/** What differs between the systems that a runner is on. */
export interface Platform {
  /** Children lead a process group of their own, with a guard in it. */
  readonly hasGroups: boolean;
  /** Ends a child with all that descends from it. */
  readonly killTree: KillTree;
  /** The folder in which a process finds its own open files by number; null: there is none, or folders are not usable there. */
  readonly descriptors: string | null;
  /** Whether children can be run as another user or in a sandbox. */
  readonly isolates: boolean;
  /** Names of the environment that programs need here besides those that they need everywhere. */
  readonly environment: readonly string[];
  /** How a name of the environment is compared. */
  nameOf(name: string): string;
  /** The shell where users have no login shell; null: they have. */
  commonShell(env: NodeJS.ProcessEnv): string | null;
}
