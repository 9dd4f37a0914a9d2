// What differs from one machine's kernel interface to another's: system call numbers, open(2) flags, width of a long.
// Linux: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h,
// arch/powerpc/kernel/syscalls/syscall.tbl; arch/*/include/uapi/asm/fcntl.h.

export interface Abi {
  readonly call: {
    readonly clock_gettime: number;
    readonly clone: number;
    readonly close: number;
    readonly fchmod: number;
    readonly fchown: number;
    readonly fcntl: number;
    readonly finit_module: number;
    readonly fstatfs: number;
    readonly fsync: number;
    readonly ftruncate: number;
    readonly getdents64: number;
    readonly getpid: number;
    readonly getrandom: number;
    readonly geteuid: number;
    readonly ioctl: number;
    readonly kexec_file_load: number;
    readonly kexec_load: number;
    readonly kill: number;
    readonly lseek: number;
    readonly madvise: number;
    readonly memfd_create: number;
    readonly mkdirat: number;
    readonly mmap: number;
    readonly mount: number;
    readonly mremap: number;
    readonly munmap: number;
    readonly openat: number;
    readonly openat2: number;
    readonly pipe2: number;
    readonly ppoll: number;
    readonly pread64: number;
    readonly pwrite64: number;
    readonly read: number;
    readonly readlinkat: number;
    readonly reboot: number;
    readonly renameat2: number;
    readonly rt_sigaction: number;
    readonly rt_sigpending: number;
    readonly rt_sigprocmask: number;
    readonly setsid: number;
    readonly statx: number;
    readonly symlinkat: number;
    readonly sync: number;
    readonly syslog: number;
    readonly unlinkat: number;
    readonly wait4: number;
    readonly write: number;
  };
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  /** Lets a file be opened that has 2 GiB and more: asked for where an offset has 32 bits by itself, else 0. */
  readonly O_LARGEFILE: number;
  /** An ioctl that fails with ENOTTY on anything but a terminal. */
  readonly TCGETS: number;
  /** e_machine of this machine's ELF files, which is also the kexec architecture (linux/kexec.h KEXEC_ARCH_*). */
  readonly elfMachine: number;
  readonly endian: "big" | "little";
  /** Bytes of a long, which are those of an address. */
  readonly word: 4 | 8;
  /** How many bytes of a file's offset mmap counts as one: mmap2(2) has 32 bits for it. */
  readonly mmapUnit: 1 | 4096;
}

/** e_machine (linux/elf-em.h); ppc64's is that of either endianness. */
export const EM_PPC = 20;
export const EM_PPC64 = 21;
export const EM_X86_64 = 62;
export const EM_AARCH64 = 183;
export const EM_RISCV = 243;

const ppc64 = {
  call: {
    clock_gettime: 246,
    clone: 120,
    close: 6,
    fchmod: 94,
    fchown: 95,
    fcntl: 55,
    finit_module: 353,
    fstatfs: 100,
    fsync: 118,
    ftruncate: 93,
    getdents64: 202,
    getpid: 20,
    getrandom: 359,
    geteuid: 49,
    ioctl: 54,
    kexec_file_load: 382,
    kexec_load: 268,
    kill: 37,
    lseek: 19,
    madvise: 205,
    memfd_create: 360,
    mkdirat: 287,
    mmap: 90,
    mount: 21,
    mremap: 163,
    munmap: 91,
    openat: 286,
    openat2: 437,
    pipe2: 317,
    ppoll: 281,
    pread64: 179,
    pwrite64: 180,
    read: 3,
    readlinkat: 296,
    reboot: 88,
    renameat2: 357,
    rt_sigaction: 173,
    rt_sigpending: 175,
    rt_sigprocmask: 174,
    setsid: 66,
    statx: 383,
    symlinkat: 295,
    sync: 36,
    syslog: 103,
    unlinkat: 292,
    wait4: 114,
    write: 4,
  },
  O_DIRECTORY: 0o40000,
  O_NOFOLLOW: 0o100000,
  O_LARGEFILE: 0,
  TCGETS: 0x402c7413,
  elfMachine: EM_PPC64,
  mmapUnit: 1,
} as const;

/** include/uapi/asm-generic/unistd.h. */
const generic = {
  call: {
    clock_gettime: 113,
    clone: 220,
    close: 57,
    fchmod: 52,
    fchown: 55,
    fcntl: 25,
    finit_module: 273,
    fstatfs: 44,
    fsync: 82,
    ftruncate: 46,
    getdents64: 61,
    getpid: 172,
    getrandom: 278,
    geteuid: 175,
    ioctl: 29,
    kexec_file_load: 294,
    kexec_load: 104,
    kill: 129,
    lseek: 62,
    madvise: 233,
    memfd_create: 279,
    mkdirat: 34,
    mmap: 222,
    mount: 40,
    mremap: 216,
    munmap: 215,
    openat: 56,
    openat2: 437,
    pipe2: 59,
    ppoll: 73,
    pread64: 67,
    pwrite64: 68,
    read: 63,
    readlinkat: 78,
    reboot: 142,
    renameat2: 276,
    rt_sigaction: 134,
    rt_sigpending: 136,
    rt_sigprocmask: 135,
    setsid: 157,
    statx: 291,
    symlinkat: 36,
    sync: 81,
    syslog: 116,
    unlinkat: 35,
    wait4: 260,
    write: 64,
  },
  O_LARGEFILE: 0,
  TCGETS: 0x5401,
  endian: "little",
  word: 8,
  mmapUnit: 1,
} as const;

/** By what uname says. */
export const abis = {
  x86_64: {
    call: {
      clock_gettime: 228,
      clone: 56,
      close: 3,
      fchmod: 91,
      fchown: 93,
      fcntl: 72,
      finit_module: 313,
      fstatfs: 138,
      fsync: 74,
      ftruncate: 77,
      getdents64: 217,
      getpid: 39,
      getrandom: 318,
      geteuid: 107,
      ioctl: 16,
      kexec_file_load: 320,
      kexec_load: 246,
      kill: 62,
      lseek: 8,
      madvise: 28,
      memfd_create: 319,
      mkdirat: 258,
      mmap: 9,
      mount: 165,
      mremap: 25,
      munmap: 11,
      openat: 257,
      openat2: 437,
      pipe2: 293,
      ppoll: 271,
      pread64: 17,
      pwrite64: 18,
      read: 0,
      readlinkat: 267,
      reboot: 169,
      renameat2: 316,
      rt_sigaction: 13,
      rt_sigpending: 127,
      rt_sigprocmask: 14,
      setsid: 112,
      statx: 332,
      symlinkat: 266,
      sync: 162,
      syslog: 103,
      unlinkat: 263,
      wait4: 61,
      write: 1,
    },
    O_DIRECTORY: 0o200000,
    O_NOFOLLOW: 0o400000,
    O_LARGEFILE: 0,
    TCGETS: 0x5401,
    elfMachine: EM_X86_64,
    endian: "little",
    word: 8,
    mmapUnit: 1,
  },
  aarch64: { ...generic, O_DIRECTORY: 0o40000, O_NOFOLLOW: 0o100000, elfMachine: EM_AARCH64 },
  riscv64: { ...generic, O_DIRECTORY: 0o200000, O_NOFOLLOW: 0o400000, elfMachine: EM_RISCV },
  ppc64: { ...ppc64, endian: "big", word: 8 },
  ppc64le: { ...ppc64, endian: "little", word: 8 },
  ppc: {
    ...ppc64,
    // ftruncate64, _llseek and mmap2: the others have 32 bits for an offset.
    call: { ...ppc64.call, ftruncate: 194, lseek: 140, mmap: 192 },
    O_LARGEFILE: 0o200000,
    elfMachine: EM_PPC,
    endian: "big",
    word: 4,
    mmapUnit: 4096,
  },
} as const satisfies Readonly<Record<string, Abi>>;

/** A machine that the program runs on, as uname calls it. */
export type Machine = keyof typeof abis;
