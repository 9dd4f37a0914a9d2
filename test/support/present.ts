// For what a test made itself, or has counted before, and the compiler cannot know to be there.

/** `value`, which is there; a test in which it is not fails here and says so. */
export function present<T>(value: T | null | undefined, what = "what the test needs"): T {
  if (value === null || value === undefined) throw new Error(`${what} is not there`);
  return value;
}

/** What the first group of a pattern finds in a text. */
export function capture(pattern: RegExp, text: string): string {
  return present(pattern.exec(text)?.[1], String(pattern));
}
