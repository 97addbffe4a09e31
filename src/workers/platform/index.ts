import { linux } from './linux.ts';
import { macos } from './macos.ts';
import type { Platform } from './platform.ts';
import { windows } from './windows.ts';

export type { Platform } from './platform.ts';

export function platformOf(name: NodeJS.Platform): Platform {
  if (name === 'win32') return windows;
  return name === 'linux' ? linux : macos;
}

/** This system. */
export const platform = platformOf(process.platform);
