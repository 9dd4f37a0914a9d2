// A value that is never undefined here, though its type allows it.

/** @throws Error where it is undefined all the same: a fault of this program */
export function present<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`no ${what}`);
  return value;
}
