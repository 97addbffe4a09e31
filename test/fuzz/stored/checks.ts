/** What a value may be, in words that the columns share. */
import { QUERY_SECRET } from '../secrets.ts';

export type Row = Record<string, unknown>;
/** Whether a value is one of its column's. */
export type Check = (value: unknown, row: Row) => boolean;
export type Columns = Readonly<Record<string, Check>>;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
/** The run is younger than that, and no clock of it is ahead. */
export const AGE_MS = 86_400_000;

export const uuid: Check = (value) => typeof value === 'string' && UUID.test(value);
export const said: Check = (value) => typeof value === 'string' && value !== '' && value === value.trim();
export const text: Check = (value) => typeof value === 'string';
export const anyOf =
  (values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value);
export const int =
  (min: number, max: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
export const name =
  (max: number): Check =>
  (value) =>
    typeof value === 'string' && value.length >= 1 && value.length <= max;
export const orNull =
  (check: Check): Check =>
  (value, row) =>
    value === null || check(value, row);
export const count = int(0, 2 ** 53 - 1);
export const flag = int(0, 1);
export const time: Check = (value) => int(Date.now() - AGE_MS, Date.now() + 1_000)(value, {});
/** Milliseconds of uptime. */
export const age = int(0, AGE_MS);
export const json =
  (check: (value: unknown) => boolean = () => true): Check =>
  (value) => {
    try {
      return check(JSON.parse(String(value)));
    } catch {
      return false;
    }
  };

/** Without what stands in the query of a webhook's URL. */
export function unshown(value: unknown): boolean {
  return !JSON.stringify(value).includes(QUERY_SECRET);
}
