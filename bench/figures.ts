/** What a benchmark says. `docs/performance.md` describes it for those who read the JSON. */

/** `ratio` is value / reference. `must` is about one of them: `ratio <= 2`, `value >= 1`, `value == 1`. */
export interface Figure {
  /** Null where there is nothing to divide by. */
  ratio: number | null;
  value: number;
  reference: number | null;
  unit: string;
  /** Null: told, and held to nothing. */
  must: string | null;
  pass: boolean;
}

/** Of several measures: the figure is that of the worst part, and passes when all of them do. */
export interface Compound extends Figure {
  parts: Record<string, Figure | Skipped>;
}

export interface Skipped {
  skipped: string;
}

export type Outcome = Figure | Compound | Skipped;

interface Measured {
  value: number;
  reference: number | null;
  unit: string;
  must?: string;
}

const MUST = /^(ratio|value) (<=|>=|==) (\d+(?:\.\d+)?)$/;

export function figure({ value, reference, unit, must }: Measured): Figure {
  const ratio = reference === null || reference === 0 ? null : value / reference;
  const strain = must === undefined ? 0 : strainOf(must, { ratio, value });
  return { ratio, value, reference, unit, must: must ?? null, pass: strain <= 1 };
}

/** A part without a must is never the worst, and one that was skipped says nothing. */
export function compound(parts: Record<string, Figure | Skipped>): Compound {
  const measured = Object.values(parts).flatMap((part) => (isSkipped(part) ? [] : [part]));
  const [worst] = measured.toSorted((a, b) => strainOfPart(b) - strainOfPart(a));
  if (worst === undefined) throw new RangeError('A benchmark has at least one measure.');
  return { ...worst, pass: measured.every((part) => part.pass), parts };
}

export function isSkipped(outcome: Outcome): outcome is Skipped {
  return 'skipped' in outcome;
}

/** 1 when something is not as it must be; tiny sizes show that a benchmark works, and nothing else. */
export function exitCodeOf(
  outcomes: Readonly<Record<string, Outcome>>,
  { smoke }: { smoke: boolean },
): number {
  const failed = Object.values(outcomes).some((outcome) => !isSkipped(outcome) && !outcome.pass);
  return failed && !smoke ? 1 : 0;
}

function strainOfPart({ must, ratio, value }: Figure): number {
  return must === null ? Number.NEGATIVE_INFINITY : strainOf(must, { ratio, value });
}

/** How much of what is allowed is used: up to 1 is right. What could not be measured is wrong. */
function strainOf(must: string, measured: { ratio: number | null; value: number }): number {
  const [, of, relation, limitText] = MUST.exec(must) ?? [];
  if (of === undefined) throw new RangeError(`must: expected "ratio <= 2" or the like, got "${must}".`);
  const limit = Number(limitText);
  const taken = of === 'ratio' ? measured.ratio : measured.value;
  if (taken === null || Number.isNaN(taken)) return Number.POSITIVE_INFINITY;
  if (relation === '==') return taken === limit ? 0 : Number.POSITIVE_INFINITY;
  return relation === '<=' ? taken / limit : limit / taken;
}
