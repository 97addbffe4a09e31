import { killSession } from '../process-tree.ts';
import type { Platform } from './platform.ts';

export const linux: Platform = {
  hasGroups: true,
  killTree: killSession,
  descriptors: '/proc/self/fd',
  isolates: true,
  environment: [],
  nameOf: (name) => name,
  commonShell: () => null,
};
