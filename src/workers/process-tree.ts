import { readdirSync, readFileSync } from 'node:fs';

/**
 * Kills everything that descends from a child that was started as the leader of a session of its own: its process
 * group, and on Linux also the groups that members of its session made and, given a mark, the sessions: the AI CLIs
 * start each tool in one. What also gives up its environment escapes.
 */
export type KillTree = (leader: number, signal: NodeJS.Signals, mark?: string) => void;

/** The name in a child's environment under which it bears its mark; all that descends from it inherits that. */
export const MARK = 'OPENCLAW_RUNNER_RUN';

/** What forked while its session was read is found by the next look. */
const LOOKS = 5;

/** On Linux. The group goes last: the guard in it keeps the session's id from being given to another. */
export function killSession(leader: number, signal: NodeJS.Signals, mark?: string): void {
  for (let look = 0; look < LOOKS; look += 1) {
    const strays = descendants(leader, mark).filter((member) => member.group !== leader);
    for (const { pid } of strays) send(pid, signal);
    if (signal !== 'SIGKILL' || strays.length === 0) break;
  }
  killGroup(leader, signal);
}

export function killGroup(leader: number, signal: NodeJS.Signals): void {
  send(-leader, signal);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already, or has become another user's.
  }
}

interface Member {
  pid: number;
  group: number;
}

/** The living processes of a session and those that bear the mark, read from /proc. */
export function descendants(session: number, mark?: string): Member[] {
  const sign = mark === undefined ? null : `${MARK}=${mark}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const [state, , group, ofSession] = statFields(name);
      if (state === undefined || state === 'Z') return [];
      if (Number(ofSession) !== session && !bears(name, sign)) return [];
      return [{ pid: Number(name), group: Number(group) }];
    });
}

function bears(pid: string, sign: string | null): boolean {
  try {
    return sign !== null && readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(sign);
  } catch {
    return false;
  }
}

/** State, parent, group and session; the name before them may hold anything, even `)`. */
function statFields(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return [];
  }
}
