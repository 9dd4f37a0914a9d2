// The one kind of error that is meant for people: where, what, and the program's exit code.

/** Exit codes of every applet. */
export const EXIT = { done: 0, input: 1, usage: 2, refused: 3 } as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Printed as `tool: place: fact`, one line. `place` is a path, an argument or a segment; `fact` says what is wrong there. */
export class Failure extends Error {
  constructor(
    readonly place: string,
    readonly fact: string,
    readonly exitCode: ExitCode = EXIT.input,
  ) {
    super(`${place}: ${fact}`);
  }
}

/** Gets what is worth a line on standard error but does not end the program. */
export type Notice = (place: string, fact: string) => void;

/** What `read` gives; undefined where it fails. */
export function unlessFailure<T>(read: () => T): T | undefined {
  return attempt(read, () => {});
}

/** The same, and `tell` gets why it fails. */
export function attempt<T>(read: () => T, tell: (why: string) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    tell(error.message);
    return undefined;
  }
}

/** What `check` throws; undefined where it finds nothing. */
export function failureOf(check: () => void): Failure | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

/**
 * Whether an engine threw this for want of memory: QuickJS an InternalError, or null where it had none for an error, Bun a
 * RangeError.
 */
export function isOutOfMemory(error: unknown): boolean {
  return error === null || /^(InternalError|RangeError): out of memory/i.test(String(error));
}

/** What is told of an error; undefined of a fault of ours. */
export function failureFrom(error: unknown): Failure | undefined {
  if (error instanceof Failure) return error;
  return isOutOfMemory(error) ? new Failure("memory", "out of memory") : undefined;
}

/** A failure as the line on standard error has it, after the tool's name. */
export function formatFailure({ place, fact }: Failure): string {
  return `${escapeText(place)}: ${escapeText(fact)}`;
}

/** A failure of the command line: it ends with exit code 2. */
export function usage(place: string, fact: string): Failure {
  return new Failure(place, fact, EXIT.usage);
}

/** A byte string as it is safe on a terminal: printable ASCII as it is, every other byte and the backslash escaped. */
export function escapeText(text: string): string {
  // Nearly all have nothing to replace, and to find that out by replacing takes the small engine longer.
  if (!/[^ -~]|\\/.test(text)) return text;
  return text.replace(/[^ -~]|\\/g, (character) =>
    character === "\\" ? "\\\\" : `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

/** `0x1fff0000`. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}
