import pino from 'pino';
import type { Log } from '../../src/log.ts';

export interface LogLine {
  level: 'debug' | 'info' | 'warn' | 'error';
  msg: string;
  [key: string]: unknown;
}

/** A log that keeps its lines, for tests of what an operator is told. */
export function keptLog(): { log: Log; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const formatters = { level: (level: string) => ({ level }) };
  const write = (line: string) => void lines.push(JSON.parse(line));
  return { log: pino({ level: 'debug', base: null, formatters }, { write }), lines };
}

/** For tests that don't look at the log. */
export function silentLog(): Log {
  return pino({ level: 'silent' });
}
