/** What becomes of many samples: medians, percentiles, and rounds that take turns. */

export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

/** By nearest rank. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = Math.ceil((percent / 100) * sorted.length);
  return sorted[Math.max(rank, 1) - 1] ?? Number.NaN;
}

export function mean(samples: readonly number[]): number {
  return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

export interface Sides<T> {
  reference: T;
  ours: T;
}

/** Reference, ours, reference, ours …: whatever disturbs the machine meanwhile disturbs both. */
export async function alternate<T>(
  rounds: number,
  { reference, ours }: Sides<(round: number) => Promise<T>>,
): Promise<Sides<T[]>> {
  const taken: Sides<T[]> = { reference: [], ours: [] };
  for (let round = 0; round < rounds; round++) {
    taken.reference.push(await reference(round));
    taken.ours.push(await ours(round));
  }
  return taken;
}

/** Of several pairs of servers. */
export function pooled<T>(measured: readonly Sides<T[]>[]): Sides<T[]> {
  return {
    reference: measured.flatMap(({ reference }) => reference),
    ours: measured.flatMap(({ ours }) => ours),
  };
}

/** One after the other, `times` times. */
export async function repeat<T>(times: number, once: (turn: number) => Promise<T>): Promise<T[]> {
  const taken: T[] = [];
  for (let turn = 0; turn < times; turn++) taken.push(await once(turn));
  return taken;
}

/** `total` pieces of work by `loops` at once. */
export async function share(loops: number, total: number, work: (loop: number) => Promise<unknown>) {
  let left = total;
  await Promise.all(
    Array.from({ length: loops }, async (_, loop) => {
      while (left-- > 0) await work(loop);
    }),
  );
}
