/** The run: all requests, then a look into the database. */
import { setTimeout as sleep } from 'node:timers/promises';
import { tell, type Verdict } from '../support/verdict.ts';
import { faultsOf } from './judge.ts';
import { Lane } from './lane.ts';
import { Ledger } from './ledger.ts';
import { shotAt } from './plan.ts';
import type { Target } from './route-table.ts';
import type { Shot } from './shot.ts';
import type { Stage } from './stage.ts';
import { readStored } from './stored/reader.ts';

export interface RunOptions {
  requests: number;
  seed: number;
  targets: readonly Target[];
}

/** Clients side by side. */
const LANES = 12;
/** This share of the requests warms the process up; memory is compared from then on. */
const WARM_UP = 0.25;
/** Stated bound: SQLite's caches, 8 to 16 MiB for each connection, fill up meanwhile; 22 to 32 MiB in four runs of 20,000. */
export const MAX_RSS_GROWTH_MIB = 64;
/** A fifth of the requests are valid; fewer would mean that they do not get through. */
const MIN_ACCEPTED_SHARE = 0.15;
/** So many sentences of a kind are told; the rest is counted. */
const TOLD = 20;

const FIGURES = { serverErrors: 0, unauthorizedAccepted: 0, none: 0 };

export class FuzzRun {
  readonly #stage: Stage;
  readonly #options: RunOptions;
  readonly #ledger = new Ledger();
  readonly #counts = { ...FIGURES };
  readonly #violations: string[] = [];
  #next = 0;

  constructor(stage: Stage, options: RunOptions) {
    this.#stage = stage;
    this.#options = options;
  }

  async run(): Promise<Verdict> {
    const { requests } = this.#options;
    await this.#shoot(Math.ceil(requests * WARM_UP));
    const before = await this.#settledRss();
    await this.#shoot(requests);
    const growth = (await this.#settledRss()) - before;
    const badEnd = await this.#stage.stop();
    if (badEnd !== null) this.#violations.push(badEnd);
    return this.#verdict(Math.round(growth * 10) / 10);
  }

  /** All requests before `end`. */
  async #shoot(end: number): Promise<void> {
    const lanes = Array.from({ length: LANES }, () => new Lane(this.#stage, this.#ledger));
    await Promise.all(lanes.map((lane) => this.#work(lane, end)));
    for (const lane of lanes) lane.close();
  }

  async #work(lane: Lane, end: number): Promise<void> {
    const { seed, targets, requests } = this.#options;
    while (this.#next < end && !this.#stage.givenUp) {
      const index = this.#next++;
      if (index > 0 && index % Math.ceil(requests / 10) === 0) tell(`${index} requests`);
      await this.#fire(lane, shotAt(seed, index, targets));
    }
  }

  async #fire(lane: Lane, shot: Shot): Promise<void> {
    const { exchange, crashed, problem, after } = await lane.fire(shot);
    const unknown = crashed || problem !== null;
    this.#ledger.note(unknown ? { ...shot, whole: false } : shot, exchange);
    if (crashed) return;
    if (problem !== null) this.#violate(shot, problem);
    else
      for (const { figure, sentence } of faultsOf(shot, exchange)) {
        this.#counts[figure]++;
        this.#violate(
          shot,
          after === null ? sentence : `${sentence} (on the connection of request ${after})`,
        );
      }
  }

  #violate({ index, kind, name }: Shot, sentence: string): void {
    this.#violations.push(`request ${index} of seed ${this.#options.seed} (${kind}: ${name}): ${sentence}`);
  }

  /** The least of a while in which it collects again and again: what lives on. */
  async #settledRss(): Promise<number> {
    await this.#stage.up();
    if (this.#stage.givenUp) return 0;
    const seen: number[] = [];
    for (let left = 10; left > 0; left--) {
      this.#stage.collect();
      await sleep(500);
      seen.push(this.#stage.rssMiB());
    }
    return Math.min(...seen);
  }

  #verdict(rssGrowthMiB: number): Verdict {
    const { crashes, logged, dataFolder } = this.#stage;
    const { garbage, unauthorized, lost } = readStored(dataFolder, this.#ledger);
    const { serverErrors } = this.#counts;
    const requests = this.#ledger.requests.size;
    const accepted = this.#ledger.count('accepted');
    const figures = {
      requests,
      accepted,
      serverErrors,
      crashes: crashes.length,
      unauthorizedAccepted: this.#counts.unauthorizedAccepted + unauthorized.length,
      storedGarbage: garbage.length,
      rssGrowthMiB,
    };
    const sums = [
      requests < this.#options.requests && `only ${requests} of ${this.#options.requests} requests were sent`,
      accepted < MIN_ACCEPTED_SHARE * requests && `only ${accepted} of ${requests} requests were accepted`,
      rssGrowthMiB > MAX_RSS_GROWTH_MIB &&
        `the process grew by ${rssGrowthMiB} MiB, more than ${MAX_RSS_GROWTH_MIB}`,
    ].filter((sentence) => sentence !== false);
    const errors = [...logged].map(([sentence, times]) => `logged ${times} times: ${sentence}`);
    const kinds = [sums, crashes, unauthorized, garbage, lost, errors, this.#violations];
    return { figures, violations: kinds.flatMap(shortened) };
  }
}

function shortened(sentences: readonly string[]): string[] {
  const more = sentences.length - TOLD;
  return more > 0 ? [...sentences.slice(0, TOLD), `… and ${more} more like these`] : [...sentences];
}
