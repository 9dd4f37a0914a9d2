// Two programs for x86-64 guests, each an ELF file of one segment that is assembled here: PROGRAM [ARGUMENT]... follows their
// names. What each line does stands beside it; numbers are from asm/unistd_64.h, linux/prctl.h and linux/capability.h.

const START = 0x40_0000;
const HEADERS = 64 + 56;

/** Goes on as PROGRAM. */
const EXECUTE = [
  "48 8d 74 24 10", // lea rsi, [rsp+16]: argv from its second word on
  "48 8b 3e", // mov rdi, [rsi]
  "48 8b 04 24", // mov rax, [rsp]: argc
  "48 8d 54 c4 10", // lea rdx, [rsp+8*rax+16]: the environment
  "b8 3b000000", // mov eax, execve
  "0f 05", // syscall
  "bf 7f000000", // mov edi, 127
  "b8 3c000000", // mov eax, exit
  "0f 05", // syscall
];

/** As root, but without CAP_SYS_BOOT. */
export function withoutBootCapability(): Buffer {
  return program([
    "b8 9d000000", // mov eax, prctl
    "bf 18000000", // mov edi, PR_CAPBSET_DROP
    "be 16000000", // mov esi, CAP_SYS_BOOT
    "31 d2", // xor edx, edx
    "45 31 d2", // xor r10d, r10d
    "45 31 c0", // xor r8d, r8d
    "0f 05", // syscall
    ...EXECUTE,
  ]);
}

/** Ends well, whatever PROGRAM comes to: a script of init ends with the first line that fails. */
export function endingWell(): Buffer {
  return program([
    "b8 39000000", // mov eax, fork
    "0f 05", // syscall
    "85 c0", // test eax, eax
    "74 1c", // je: in the child to what follows these lines
    "bf ffffffff", // mov edi, -1
    "31 f6", // xor esi, esi
    "31 d2", // xor edx, edx
    "45 31 d2", // xor r10d, r10d
    "b8 3d000000", // mov eax, wait4
    "0f 05", // syscall
    "31 ff", // xor edi, edi
    "b8 3c000000", // mov eax, exit
    "0f 05", // syscall
    ...EXECUTE,
  ]);
}

function program(lines: readonly string[]): Buffer {
  const code = Buffer.from(lines.join("").replaceAll(" ", ""), "hex");
  const bytes = Buffer.alloc(HEADERS + code.length);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.writeUInt16LE(2, 16);
  bytes.writeUInt16LE(62, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(BigInt(START + HEADERS), 24);
  bytes.writeBigUInt64LE(64n, 32);
  bytes.writeUInt16LE(64, 52);
  bytes.writeUInt16LE(56, 54);
  bytes.writeUInt16LE(1, 56);
  // PT_LOAD, readable and executable, the whole file.
  bytes.writeUInt32LE(1, 64);
  bytes.writeUInt32LE(5, 68);
  bytes.writeBigUInt64LE(BigInt(START), 80);
  bytes.writeBigUInt64LE(BigInt(START), 88);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 96);
  bytes.writeBigUInt64LE(BigInt(bytes.length), 104);
  bytes.writeBigUInt64LE(0x1000n, 112);
  code.copy(bytes, HEADERS);
  return bytes;
}
