/** What a schedule takes and what it refuses; none of these comes round while the run lasts. */
import { callback } from './callbacks.ts';
import { bounded, choice, type Field, own, type Value } from './fields.ts';
import type { Random } from './random.ts';
import { BOT_SECRET } from './secrets.ts';
import { words } from './values.ts';

const CRONS = ['0 0 29 2 *', '0 0 0 29 2 *', '0 0 0 1 1 * 2099', '59 23 29 FEB MON#5', '  0 0 29 2 * '];
const NO_CRONS: Value[] = ['', 'x', '* * * *', '60 * * * *', '@reboot', '2099-01-01', null, 5, [], {}];
const NO_ZONES: Value[] = ['', 'Mars/Olympus', 'UTC\0', ' UTC', '../UTC', null, 5, [], {}];
const NO_TASKS: Value[] = [
  'x',
  '',
  5,
  null,
  true,
  [],
  [{ type: 'command' }],
  { command: 'x'.repeat(65_536) },
];

function oneOf(valid: readonly Value[], invalid: readonly Value[]): Field {
  return { valid: (random) => random.pick(valid), invalid: (random) => random.pick(invalid) };
}

/** Of each type. */
function taskOf(random: Random, marker: string): Value {
  const told = callback.valid(random, marker);
  const callsBack = told === undefined ? {} : { callback: told };
  return random.pick<Value>([
    { type: 'command', command: `${marker} ${words(random)}`, retries: 2, ...callsBack },
    { type: 'file-read', path: marker, encoding: 'base64' },
    { type: 'file-write', path: marker, content: null, ...callsBack },
    { type: 'file-edit', path: marker, old_string: '', new_string: words(random) },
    { type: 'claude-cli', prompt: marker, callbackChannel: 'C1', callbackBotToken: `${BOT_SECRET} 1` },
    { type: 'codex-cli', prompt: marker, sessionId: `fuzz-session-${random.int(0, 200)}` },
    { type: 'gemini-cli', prompt: `${marker} ${words(random)}`, ...callsBack },
  ]);
}

/** `required`: as in a new schedule. */
export function scheduleFields({ required }: { required: boolean }) {
  const mustBe = (field: Field): Field => {
    const { valid, invalid } = field;
    if (required) return { valid, invalid: (random) => random.pick([undefined, invalid?.(random)]) };
    return { valid: (random, marker) => random.pick([undefined, valid(random, marker)]), invalid };
  };
  const name = { ...bounded(100), valid: own(100).valid };
  return {
    // A change has to change something.
    name: required ? mustBe(name) : name,
    cron: mustBe(oneOf(CRONS, NO_CRONS)),
    task: mustBe({
      valid: (random, marker) => taskOf(random, marker),
      invalid: (random) => random.pick(NO_TASKS),
    }),
    timeZone: oneOf([undefined, 'UTC', 'Europe/Berlin', '+05:45'], NO_ZONES),
    overlap: choice(['skip', 'queue']),
    missed: choice(['skip', 'once']),
    paused: oneOf([undefined, true, false], ['true', '', 0, 1, null, [], {}]),
  };
}
