// What an expression that may be undefined by its type cannot be by what it is of.

/** @throws Error where it is undefined all the same: a fault of this program */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}
