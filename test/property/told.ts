/** Tells a history in words. */
import {
  ALL_QUEUES,
  ALL_TYPES,
  type Change,
  type History,
  type Op,
  type Scheduled,
  type Turn,
} from './history.ts';

/** The history as a numbered list, one turn a line. */
export function told(turns: History): string {
  return turns.map((ops, n) => `${String(n + 1).padStart(3)}. ${toldTurn(ops)}`).join('\n');
}

export function toldTurn(ops: Turn): string {
  return ops.map(toldOp).join('  ‖  ');
}

function toldOp({ op, ...how }: Op): string {
  return [op, ...toldFields(how)].join(' ');
}

/** What a schedule has that says nothing of its own. */
const USUAL: Readonly<Record<string, unknown>> = { timeZone: 'UTC', overlap: 'skip', missed: 'skip' };

function toldFields(fields: object): string[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    if (value === undefined || value === false || value === ALL_QUEUES || value === ALL_TYPES) return [];
    if (name === 'who')
      return typeof value === 'string'
        ? ['by', value]
        : [`by ${value.start === 'current' ? '' : `${value.start} `}${value.runner}`];
    if (name === 'task' && typeof value === 'object') return toldFields(value);
    if (name === 'tasks') return value.map((task: object) => `(${toldFields(task).join(' ')})`);
    if (name === 'schedule') return toldSchedule(value);
    if (name === 'change') return toldChange(value);
    if (name === 'type') return [value];
    if (name === 'ms' || name === 'down')
      return value === 0 ? [] : [`${name === 'ms' ? '' : 'down='}${value / 1_000} s`];
    return [value === true ? name : `${name}=${toldValue(value)}`];
  });
}

function toldSchedule({ name, cron, ...more }: Scheduled): string[] {
  const unusual = Object.entries(more).filter(([field, value]) => value !== USUAL[field]);
  return [name, `"${cron}"`, ...toldFields(Object.fromEntries(unusual))];
}

/** Whatever is given, be it the usual. */
function toldChange({ task, ...rule }: Change): string[] {
  const given = Object.entries(rule).filter(([, value]) => value !== undefined);
  const fields = given.map(([name, value]) => `${name}=${name === 'cron' ? `"${value}"` : value}`);
  return task === undefined ? fields : [...fields, `task=(${toldFields(task).join(' ')})`];
}

function toldValue(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'object' && value !== null ? Object.values(value).join('/') : String(value);
}
