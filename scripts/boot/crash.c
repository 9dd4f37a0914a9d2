/* Holds a pattern in its memory, keeps the other cpus going with a number of it in a register, and brings the kernel down:
 *
 *   crash SEED CPUS CPU sysrq|nmi|oom
 *
 * SEED is a number in hexadecimal. CPU is the one that panics, of CPUS in all. The pattern is 1 MiB of what splitmix64 makes of
 * SEED, the registers have its first number. With nmi it says so and waits for one. Without a C library: of big endian there is
 * none at hand. */
#include <stdint.h>

#define SIZE 0x100000
#define SIGCHLD 17

static uint64_t memory[SIZE / 8] __attribute__((aligned(0x10000)));

#if defined(__x86_64__)
enum { WRITE = 1, MMAP = 9, CLONE = 56, EXIT = 60, SETAFFINITY = 203, OPENAT = 257, PPOLL = 271 };
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run\n");

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { OPENAT = 56, WRITE = 64, PPOLL = 73, EXIT = 93, SETAFFINITY = 122, CLONE = 220, MMAP = 222 };
__asm__(".globl _start\n_start: mov x0, sp\n bl run\n");

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#elif defined(__riscv)
enum { OPENAT = 56, WRITE = 64, PPOLL = 73, EXIT = 93, SETAFFINITY = 122, CLONE = 220, MMAP = 222 };
__asm__(".globl _start\n_start: .option push\n .option norelax\n la gp, __global_pointer$\n .option pop\n"
        " mv a0, sp\n call run\n");

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long a7 __asm__("a7") = number;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    return a0;
}
#elif defined(__powerpc64__)
enum { EXIT = 1, WRITE = 4, MMAP = 90, CLONE = 120, SETAFFINITY = 222, PPOLL = 281, OPENAT = 286 };
/* ELFv2: the table of contents is found from r12, the address of the function that is entered. */
__asm__(".globl _start\n.type _start, @function\n_start: mr 3, 1\n li 0, 0\n stdu 0, -64(1)\n bl 1f\n"
        "1: mflr 12\n addi 12, 12, run-1b\n mtctr 12\n bctrl\n");

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    register long r8 __asm__("r8") = f;
    __asm__ volatile("sc\n bns+ 1f\n neg 3, 3\n1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
                     :
                     : "r9", "r10", "r11", "r12", "cr0", "ctr", "xer", "memory");
    return r3;
}
#endif

static long length(const char *text)
{
    long count = 0;

    while (text[count])
        count++;
    return count;
}

static void say(const char *text)
{
    call(WRITE, 1, (long)text, length(text), 0, 0, 0);
}

static void put(const char *path, const char *text)
{
    long file = call(OPENAT, -100, (long)path, 1, 0, 0, 0);

    call(WRITE, file, (long)text, length(text), 0, 0, 0);
}

static uint64_t number(const char *text)
{
    uint64_t value = 0;

    for (; *text; text++)
        value = value << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    return value;
}

static void bind(uint64_t cpu)
{
    static uint64_t mask[16];

    mask[cpu / 64] = 1ull << cpu % 64;
    call(SETAFFINITY, 0, sizeof mask, (long)mask, 0, 0, 0);
    mask[cpu / 64] = 0;
}

/* Never in the kernel but for its timer. */
static void spin(uint64_t mark)
{
    for (;;)
        __asm__ volatile("" : "+r"(mark));
}

static void eat(void)
{
    for (;;) {
        char *more = (char *)call(MMAP, 0, SIZE, 3, 0x22, -1, 0);
        if ((unsigned long)more > -4096ul)
            continue;
        for (long at = 0; at < SIZE; at += 4096)
            *(volatile char *)(more + at) = 1;
    }
}

__attribute__((used)) void run(long *stack)
{
    const char **words = (const char **)(stack + 1);
    uint64_t state, cpus, own;
    long *going;

    if (stack[0] != 5) {
        say("usage: crash SEED CPUS CPU sysrq|nmi|oom\n");
        call(EXIT, 2, 0, 0, 0, 0, 0);
    }
    state = number(words[1]);
    cpus = number(words[2]);
    own = number(words[3]);
    for (long at = 0; at < SIZE / 8; at++) {
        uint64_t next = state += 0x9e3779b97f4a7c15;
        next = (next ^ next >> 30) * 0xbf58476d1ce4e5b9;
        next = (next ^ next >> 27) * 0x94d049bb133111eb;
        memory[at] = next ^ next >> 31;
    }
    going = (long *)call(MMAP, 0, sizeof *going, 3, 0x21, -1, 0);
    bind(own);
    for (uint64_t cpu = 0; cpu < cpus; cpu++) {
        if (cpu == own || call(CLONE, SIGCHLD, 0, 0, 0, 0, 0) != 0)
            continue;
        bind(cpu);
        __atomic_add_fetch(going, 1, __ATOMIC_SEQ_CST);
        spin(memory[0]);
    }
    while (__atomic_load_n(going, __ATOMIC_SEQ_CST) != (long)cpus - 1)
        continue;
    say("crash: the pattern is there\n");
    if (words[4][0] == 's') {
        put("/proc/sysrq-trigger", "c");
    } else if (words[4][0] == 'o') {
        put("/proc/sys/vm/panic_on_oom", "2");
        eat();
    } else {
        say("crash: waiting for an NMI\n");
    }
    for (;;)
        call(PPOLL, 0, 0, 0, 0, 0, 0);
}
