import { describe, expect, it } from 'vitest';
import { cronProblem, lastUpTo, nextAfter, timeZoneProblem } from '../../src/cron.ts';
import { type ClockChange, clockChanges, occurrencesAround } from '../support/cron-oracle.ts';

const HOUR = 3_600_000;

const at = (text: string) => Date.parse(text);

/** The first `count` occurrences after a time, as people of UTC write them. */
function series(cron: string, timeZone: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (let ms = nextAfter(cron, timeZone, at(after)); ms !== null; ms = nextAfter(cron, timeZone, ms)) {
    if (found.length === count) break;
    found.push(`${new Date(ms).toISOString().slice(5, 16)}Z`);
  }
  return found;
}

const SPRING = '2026-03-28T23:30:00Z';
const AUTUMN = '2026-10-24T23:30:00Z';

describe('an expression that names its hour', () => {
  it.each([
    ['a time that does not exist, at the end of the gap', '30 2 * * *', ['03-29T01:00Z', '03-30T00:30Z']],
    ['the first time after the gap, once', '0 2,3 * * *', ['03-29T01:00Z', '03-30T00:00Z']],
    ['one of a list', '0 2,14 * * *', ['03-29T01:00Z', '03-29T12:00Z', '03-30T00:00Z']],
    ['a range around the gap', '30 1-3 * * *', ['03-29T00:30Z', '03-29T01:00Z', '03-29T01:30Z']],
    ['seconds', '15 30 2 * * *', ['03-29T01:00Z', '03-30T00:30Z']],
  ])('comes once when the clocks go forward: %s', (_case, cron, expected) => {
    expect(series(cron, 'Europe/Berlin', SPRING, expected.length)).toEqual(expected);
  });

  it.each([
    ['a time that comes twice', '30 2 * * *', ['10-25T00:30Z', '10-26T01:30Z']],
    ['one of a list', '0 2,14 * * *', ['10-25T00:00Z', '10-25T13:00Z', '10-26T01:00Z']],
    ['a list of minutes', '0,30 2 * * *', ['10-25T00:00Z', '10-25T00:30Z', '10-26T01:00Z']],
    ['the hour after it', '0 3 * * *', ['10-25T02:00Z', '10-26T02:00Z']],
  ])('comes once when the clocks go back: %s', (_case, cron, expected) => {
    expect(series(cron, 'Europe/Berlin', AUTUMN, expected.length)).toEqual(expected);
  });

  it('does not come a second time for who starts to count between the two', () => {
    expect(series('30 2 * * *', 'Europe/Berlin', '2026-10-25T00:45:00Z', 1)).toEqual(['10-26T01:30Z']);
  });

  it('is right where the clocks change by half an hour, and south of the equator', () => {
    const lordHowe = (after: string) => series('15 2 * * *', 'Australia/Lord_Howe', after, 2);
    expect(lordHowe('2026-10-03T14:00:00Z')).toEqual(['10-03T15:30Z', '10-04T15:15Z']);
    expect(series('45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T14:00:00Z', 2)).toEqual([
      '04-04T14:45Z',
      '04-05T15:15Z',
    ]);
  });
});

describe('an expression with a wildcard or a step', () => {
  it.each([
    ['every half hour', '*/30 * * * *', ['00:00', '00:30', '01:00', '01:30', '02:00']],
    ['every hour', '0 * * * *', ['00:00', '01:00', '02:00', '03:00']],
  ])('goes on evenly through gap and repetition: %s', (_case, cron, times) => {
    const on = (day: string) => times.map((time) => `${day}T${time}Z`);
    expect(series(cron, 'Europe/Berlin', SPRING, times.length)).toEqual(on('03-29'));
    expect(series(cron, 'Europe/Berlin', AUTUMN, times.length)).toEqual(on('10-25'));
  });

  it('comes every second over a change of the clocks', () => {
    let ms = at('2026-10-25T00:59:55Z');
    for (let second = 0; second < 10; second++) {
      expect(nextAfter('* * * * * *', 'Europe/Berlin', ms)).toBe(ms + 1_000);
      ms += 1_000;
    }
  });
});

/** The occurrences of one day before a change of the clocks to one day after it, one after the other. */
function between(cron: string, { timeZone, at: change }: ClockChange): number[] {
  const found: number[] = [];
  let ms = nextAfter(cron, timeZone, change - 24 * HOUR - 1);
  for (; ms !== null && ms <= change + 24 * HOUR; ms = nextAfter(cron, timeZone, ms)) found.push(ms);
  return found;
}

describe('every occurrence of two days around a change of the clocks', () => {
  const FIXED = [
    '30 2 * * *',
    '0 0 * * *',
    '0,30 0-3 * * *',
    '59 23 * * *',
    '15 30 2 L * *',
    '30 1 1,29 * 0,6',
  ];
  const EVEN = ['*/30 * * * *', '0 * * * *', '*/20 2 * * *', '0 */6 * * *', '17 */10 0-3 * * *'];

  it.each([
    ['Europe/Berlin', 2026],
    ['America/New_York', 2026],
    ['Australia/Lord_Howe', 2026],
    // Its clocks go back for Ramadan, and forward after it.
    ['Africa/Casablanca', 2026],
    // At midnight: to one o'clock, to eleven in the evening, and from eleven to midnight.
    ['Africa/Cairo', 2026],
    ['Asia/Beirut', 2026],
    ['America/Sao_Paulo', 2018],
    ['America/Nuuk', 2026],
    // By two hours, and over a whole day.
    ['Antarctica/Troll', 2026],
    ['Pacific/Apia', 2011],
  ])('is where Intl shows it: %s in %i', (timeZone, year) => {
    const changes = clockChanges(timeZone, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1));
    expect(changes.length).toBeGreaterThan(1);
    for (const change of changes) {
      for (const cron of [...FIXED, ...EVEN]) {
        const expected = occurrencesAround(cron, change);
        expect([cron, between(cron, change)]).toEqual([cron, expected]);
        const last = expected.map((time) => lastUpTo(cron, timeZone, time + 999));
        expect([cron, last]).toEqual([cron, expected]);
      }
    }
  });
});

describe('the last occurrence', () => {
  it('is the moment itself when that is one', () => {
    const nine = at('2026-11-22T09:00:00Z');
    expect(lastUpTo('0 9 * * *', 'UTC', nine)).toBe(nine);
    expect(lastUpTo('0 9 * * *', 'UTC', nine + 1)).toBe(nine);
    expect(lastUpTo('0 9 * * *', 'UTC', nine - 1)).toBe(nine - 86_400_000);
  });

  it('has none between it and the moment, whatever the clocks do', () => {
    const crons = ['0 2,14 * * *', '30 1-3 * * *', '*/7 * * * *', '30 2 * * *', '*/20 2 * * *', '0 0 1 * *'];
    const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
    for (const day of ['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01']) {
      for (const cron of crons)
        for (const zone of zones)
          for (let minutes = 0; minutes < 1_440; minutes += 47) {
            const now = at(`${day}T00:00:00Z`) + minutes * 60_000 + 123;
            const last = lastUpTo(cron, zone, now) ?? Number.NaN;
            expect(last).toBeLessThanOrEqual(now);
            expect([cron, zone, now, nextAfter(cron, zone, last)]).toEqual([
              cron,
              zone,
              now,
              nextAfter(cron, zone, now),
            ]);
          }
    }
  });
});

describe('what is taken', () => {
  it.each(['* * * * *', '*/5 * * * * *', '0 0 0 1 1 * 2099', '@daily', '0 9 * * MON-FRI', '0 0 L * *'])(
    '%s is a cron expression',
    (cron) => expect(cronProblem(cron)).toBeNull(),
  );

  it.each([
    ['', 'five, six, or seven'],
    ['* * * *', 'five, six, or seven'],
    ['60 * * * *', 'Invalid value for minute: 60'],
    ['* * * * * * * *', 'five, six, or seven'],
    ['@reboot', 'not supported'],
    ['nonsense', 'five, six, or seven'],
    ['2099-12-01T00:00:00', 'a date is no cron expression'],
  ])('%s is none', (cron, why) => expect(cronProblem(cron)).toContain(why));

  it.each(['UTC', 'Europe/Berlin', 'America/New_York', '+02:00'])('%s is a time zone', (zone) =>
    expect(timeZoneProblem(zone)).toBeNull(),
  );

  it.each(['', 'Mars/Olympus', 'GMT+5', ' '])('%j is none', (zone) =>
    expect(timeZoneProblem(zone)).toContain('Invalid time zone'),
  );

  it('is refused as a field of a client when it turns out too late, whatever croner throws', () => {
    const refusal = expect.objectContaining({ name: 'AppError', code: 'invalid_field' });
    expect(() => nextAfter('* * * * *', 'Mars/Olympus', 0)).toThrow(refusal);
    expect(() => lastUpTo('nonsense', 'UTC', 0)).toThrow(refusal);
  });

  it('says when an expression never comes true', () => {
    expect(nextAfter('0 0 30 2 *', 'UTC', 0)).toBeNull();
    expect(nextAfter('* * * * * * 2020', 'UTC', at('2026-01-01'))).toBeNull();
  });
});
