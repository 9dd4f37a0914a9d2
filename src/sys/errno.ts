// The one place that knows error numbers: their names and what they say in plain words.
// Linux include/uapi/asm-generic/errno-base.h and errno.h; the numbers below 35 and those listed above it are the same
// on all our machines.

const table = {
  EPERM: [1, "operation not permitted"],
  ENOENT: [2, "no such file or directory"],
  EINTR: [4, "interrupted"],
  EIO: [5, "input/output error"],
  ENXIO: [6, "no such device or address"],
  ENOEXEC: [8, "not an executable of this machine"],
  EBADF: [9, "not an open descriptor"],
  ECHILD: [10, "no such child process"],
  EAGAIN: [11, "not ready"],
  ENOMEM: [12, "out of memory"],
  EACCES: [13, "permission denied"],
  EFAULT: [14, "bad address"],
  EBUSY: [16, "busy"],
  EEXIST: [17, "exists already"],
  ENODEV: [19, "no such device"],
  ENOTDIR: [20, "not a directory"],
  EISDIR: [21, "is a directory"],
  EINVAL: [22, "invalid argument"],
  ENFILE: [23, "too many open files in the system"],
  EMFILE: [24, "too many open files"],
  ENOTTY: [25, "not a terminal"],
  ETXTBSY: [26, "text busy"],
  EFBIG: [27, "file too large"],
  ENOSPC: [28, "no space left"],
  ESPIPE: [29, "not seekable"],
  EROFS: [30, "read-only file system"],
  EPIPE: [32, "nobody reads it any more"],
  ENAMETOOLONG: [36, "name too long"],
  ENOSYS: [38, "not in this kernel"],
  ELOOP: [40, "symbolic link not followed"],
  EOVERFLOW: [75, "value too large"],
  EADDRNOTAVAIL: [99, "address not available"],
} as const satisfies Record<string, readonly [number, string]>;

export type ErrnoName = keyof typeof table;

/** The number of a named error, positive. */
export const errno = Object.fromEntries(Object.entries(table).map(([name, [number]]) => [name, number])) as Record<
  ErrnoName,
  number
>;

/** `-2` or `2` → `ENOENT (no such file or directory)`. */
export function errnoText(result: number): string {
  const number = Math.abs(result);
  const found = Object.entries(table).find(([, row]) => row[0] === number);
  return found ? `${found[0]} (${found[1][1]})` : `error ${number}`;
}
