/** What a reader of a trace has to complain about: each complaint once, with its number and its first case. */
export class Findings {
  readonly #cases = new Map<string, { count: number; first: string }>();

  add(complaint: string, example: string): void {
    const found = this.#cases.get(complaint) ?? { count: 0, first: example };
    found.count++;
    this.#cases.set(complaint, found);
  }

  get sentences(): string[] {
    return [...this.#cases].map(([complaint, { count, first }]) => `${complaint}: ${times(count)} ${first}`);
  }
}

function times(count: number): string {
  return count === 1 ? 'at' : `${count} times, first at`;
}
