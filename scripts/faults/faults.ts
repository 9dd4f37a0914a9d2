// Which faults fit a call of the kernel: the errors that it may give (its manual page), lengths that are short, signals.

import { type ErrnoName, errno } from "../../src/sys/errno.ts";
import { INTERRUPTS, SIGPIPE } from "../../src/sys/system.ts";
import { randomNumbers } from "../bench/tree.ts";
import type { Call, Fault } from "./injector.ts";

const LOADING: readonly ErrnoName[] = ["EPERM", "EBUSY", "EINVAL", "ENOMEM", "EADDRNOTAVAIL", "ETXTBSY", "ENOSYS"];

const OPENING: readonly ErrnoName[] = [
  ...(["ENOENT", "EACCES", "EMFILE", "ENOMEM", "EIO", "ENODEV", "EINTR"] as const),
  ...(["ELOOP", "ENOTDIR", "EROFS", "ENOSPC", "ETXTBSY"] as const),
];

/** By the name of the call. One that is not here, as getpid, cannot fail. */
const ERRORS: Readonly<Record<string, readonly ErrnoName[]>> = {
  clone: ["EAGAIN", "ENOMEM"],
  close: ["EIO", "ENOSPC", "EDQUOT"],
  fchmod: ["EPERM", "EIO", "EROFS"],
  fchown: ["EPERM", "EIO"],
  fcntl: ["EMFILE"],
  fstatfs: ["ENOSYS", "EIO"],
  fsync: ["EIO", "ENOSPC", "EDQUOT", "EINVAL"],
  finit_module: ["EPERM", "ENOEXEC", "EEXIST", "ENOMEM", "EBUSY", "EKEYREJECTED"],
  ftruncate: ["EIO", "EFBIG", "EINVAL", "EPERM"],
  getdents64: ["EIO", "ENOENT", "ESTALE"],
  getrandom: ["EINTR", "ENOSYS"],
  ioctl: ["EIO", "ENODEV"],
  kexec_load: LOADING,
  kexec_file_load: [...LOADING, "ENOEXEC", "EKEYREJECTED", "EBADMSG", "EIO"],
  lseek: ["EINVAL", "ESPIPE", "EOVERFLOW"],
  memfd_create: ["ENOSYS", "EMFILE", "ENOMEM"],
  mkdirat: ["ENOSPC", "EEXIST", "EROFS", "EACCES", "EMLINK"],
  mount: ["EBUSY", "EPERM", "ENODEV", "ENOMEM"],
  openat: OPENING,
  openat2: [...OPENING, "EXDEV", "EPERM", "ENOSYS"],
  pipe2: ["EMFILE", "ENFILE"],
  ppoll: ["EINTR", "ENOMEM"],
  pread64: ["EIO", "EINTR", "EAGAIN", "ESTALE", "ENXIO"],
  pwrite64: ["EIO", "EINTR", "EAGAIN", "ENOSPC", "EDQUOT", "EFBIG"],
  read: ["EIO", "EINTR", "EAGAIN", "EISDIR", "ESTALE", "ENXIO"],
  readlinkat: ["ENOENT", "EACCES", "EINVAL", "EIO"],
  reboot: ["EPERM", "EINVAL", "EBUSY"],
  renameat2: ["EIO", "ENOSPC", "EXDEV", "EROFS", "EACCES", "EISDIR"],
  setsid: ["EPERM"],
  statx: ["ENOENT", "EACCES", "EIO", "ENOMEM", "ENOSYS", "ESTALE"],
  symlinkat: ["ENOSPC", "EROFS", "EACCES", "EEXIST"],
  syslog: ["ENOSYS"],
  unlinkat: ["EACCES", "EBUSY", "EROFS", "EIO"],
  wait4: ["EINTR"],
  write: ["EIO", "EINTR", "EAGAIN", "ENOSPC", "EDQUOT", "EPIPE"],
};

const TRANSFERS = ["read", "pread64", "write", "pwrite64"];

const ASKS_FOR_MEMORY = ["brk", "mmap", "mremap"];

const MEMORY = [...ASKS_FOR_MEMORY, "madvise", "munmap"];

/** HUP INT QUIT TERM PIPE. */
const SIGNALS = [...INTERRUPTS, SIGPIPE];

/** For each of these calls each error, each short length and each signal. */
export function faultsFor(calls: readonly Call[]): Fault[] {
  return calls.flatMap((call, index) => {
    const at = index + 1;
    // What an engine does with its own memory nobody else sees.
    if (MEMORY.includes(call.name)) return [];
    return [
      ...(ERRORS[call.name] ?? []).map((name): Fault => ({ at, kind: "errno", value: errno[name] })),
      ...shortLengths(call).map((value): Fault => ({ at, kind: "short", value })),
      ...SIGNALS.map((value): Fault => ({ at, kind: "signal", value })),
    ];
  });
}

/** For each call that asks for memory: that one fails, or that one and each after it. */
export function memoryFaultsFor(calls: readonly Call[]): Fault[] {
  return calls.flatMap(({ name }, index) =>
    ASKS_FOR_MEMORY.includes(name)
      ? (["errno", "from"] as const).map((kind) => ({ at: index + 1, kind, value: errno.ENOMEM }))
      : [],
  );
}

/** None, one, half and all but one of what the call moved. */
function shortLengths({ name, result }: Call): number[] {
  if (!TRANSFERS.includes(name) || result <= 0) return [];
  return [...new Set([0, 1, result >> 1, result - 1])].filter((length) => length < result);
}

/** `errno EIO`, `short 3`, `signal 15`. */
export function describeFault({ kind, value }: Fault): string {
  if (kind !== "errno" && kind !== "from") return `${kind} ${value}`;
  const name = Object.entries(errno).find(([, number]) => number === value)?.[0];
  return `${kind} ${name}`;
}

/** `count` of them, the same for the same seed, in their order; all where they are fewer. */
export function sampleOf(faults: readonly Fault[], count: number, seed: number): Fault[] {
  const random = randomNumbers(seed);
  const rest = [...faults];
  while (rest.length > count) rest.splice(random(rest.length), 1);
  return rest;
}
