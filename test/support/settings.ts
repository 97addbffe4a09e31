import type { QueueOptions } from '../../src/queue/index.ts';

/** The options that every engine has; where it stores is its own business. */
export type EngineSettings = Omit<QueueOptions, 'taskDb' | 'eventDb' | 'clock' | 'log'>;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The values that the tests count with, unless they give their own. */
export const SETTINGS: EngineSettings = {
  leaseMs: MINUTE,
  taskRetentionMs: 20 * MINUTE,
  resultRetentionMs: 30 * MINUTE,
  sessionRetentionMs: 30 * MINUTE,
  eventRetentionDays: 14,
  maxEvents: 2_000,
  maxPending: 1_000_000,
  callbackDelivery: 'api',
  composeCallback: () => [],
};
