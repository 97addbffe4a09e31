/** One request of a run, alone: what goes out and what comes back, for people. */
import type { Verdict } from '../support/verdict.ts';
import { faultsOf, outcomeOf } from './judge.ts';
import { Lane } from './lane.ts';
import { Ledger } from './ledger.ts';
import { shotAt } from './plan.ts';
import type { RunOptions } from './run.ts';
import type { Stage } from './stage.ts';

const SHOWN_BYTES = 4_000;

export async function replay(stage: Stage, index: number, { seed, targets }: RunOptions): Promise<Verdict> {
  const shot = shotAt(seed, index, targets);
  const lane = new Lane(stage, new Ledger());
  const { exchange, binding, crashed, problem } = await lane.fire(shot);
  lane.close();
  process.stderr.write(
    `request ${index} of seed ${seed} (${shot.kind}: ${shot.name}), expected: ${shot.expect}\n`,
  );
  for (const { bytes } of shot.sending(binding).pieces) process.stderr.write(`> ${readable(bytes)}\n`);
  for (const { status, headers, text } of exchange.answers)
    process.stderr.write(`< ${status} ${JSON.stringify(headers)}\n< ${readable(Buffer.from(text))}\n`);
  process.stderr.write(`${exchange.end}${crashed ? ', and the Task API has ended' : ''}\n`);
  const faults = problem === null ? faultsOf(shot, exchange).map(({ sentence }) => sentence) : [problem];
  return {
    figures: { request: index, outcome: outcomeOf(shot, exchange), crashes: stage.crashes.length },
    violations: [...faults, ...stage.crashes],
  };
}

/** Line ends and whatever is no text escaped, as one line. */
function readable(bytes: Buffer): string {
  const shown = JSON.stringify(bytes.toString('latin1', 0, SHOWN_BYTES)).slice(1, -1);
  return bytes.length > SHOWN_BYTES ? `${shown}… (${bytes.length} bytes)` : shown;
}
