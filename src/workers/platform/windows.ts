import { spawn } from 'node:child_process';
import type { Platform } from './platform.ts';

/** Its branches were never run on Windows. */
export const windows: Platform = {
  hasGroups: false,
  killTree,
  descriptors: null,
  isolates: false,
  /** Without them a program does not start. */
  environment: [
    'SYSTEMROOT',
    'SYSTEMDRIVE',
    'WINDIR',
    'COMSPEC',
    'PATHEXT',
    'TEMP',
    'TMP',
    'USERNAME',
    'USERPROFILE',
    'HOMEDRIVE',
    'HOMEPATH',
    'APPDATA',
    'LOCALAPPDATA',
    'PROGRAMDATA',
    'PROGRAMFILES*',
  ],
  nameOf: (name) => name.toUpperCase(),
  commonShell: (env) => env.ComSpec ?? 'cmd.exe',
};

/** There are no signals: the tree is ended at once, whatever is asked for. */
function killTree(leader: number): void {
  const { file, args } = taskkill(leader);
  spawn(file, args, { stdio: 'ignore', windowsHide: true }).on('error', () => {});
}

export function taskkill(leader: number): { file: string; args: string[] } {
  return { file: 'taskkill', args: ['/PID', String(leader), '/T', '/F'] };
}
