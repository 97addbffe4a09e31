import { killGroup } from '../process-tree.ts';
import { linux } from './linux.ts';
import type { Platform } from './platform.ts';

/** And every other Unix without a /proc like that of Linux. Its branches were never run on one. */
export const macos: Platform = { ...linux, killTree: killGroup, descriptors: null, isolates: false };
