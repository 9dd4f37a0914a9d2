// How often each exit code came, so that a test of generated cases can show that it saw enough of each.

export class Codes {
  readonly #counts = new Map<number | null, number>();

  add(code: number | null): void {
    this.#counts.set(code, this.of(code) + 1);
  }

  of(code: number | null): number {
    return this.#counts.get(code) ?? 0;
  }
}
