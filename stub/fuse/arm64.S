// The start of a fused executable on arm64: what Linux enters in place of ld.so. README.md tells the whole.
// Position independent; scripts/fuse.ts puts the parameters right after the last byte.
// System calls keep every register but x0.

	.set	ENTRY, 0		// the parameters: ld.so's entry,
	.set	PRELOAD, 8		// the text LD_PRELOAD=...,
	.set	LIBRARIES, 16		// the table of libraries,
	.set	REPLACED, 24		// what replaces the kernel's auxiliary vector: pairs, type 0 ends them

	.set	NAME, 0			// a row of the table (NAME 0 ends it): its name in /proc/PID/maps,
	.set	START, 8		// its file in our memory,
	.set	SIZE, 16
	.set	SLOT, 24		// the end of the room for its descriptor's number in LD_PRELOAD
	.set	ROW, 32

	.set	AT_FDCWD, -100

	.text
	mov	x19, sp			// argc, argv, 0, envp, 0, auxv: as the kernel laid them out
	adr	x20, parameters

	// Bun opens /dev/null where 0, 1 or 2 is closed, and writing to it succeeds. Of "/", opened for its path
	// alone, every read and write fails as of a closed one.
	mov	x21, #0
1:	mov	x0, x21
	mov	x1, #1			// F_GETFD
	mov	x8, #25			// fcntl
	svc	#0
	cmn	x0, #9			// EBADF
	b.ne	2f
	mov	x0, #AT_FDCWD
	adr	x1, root
	mov	x2, #0x200000		// O_PATH: the lowest number that is free, which is this one
	mov	x8, #56			// openat
	svc	#0
2:	add	x21, x21, #1
	cmp	x21, #3
	b.lo	1b

	// Bun aborts where the random pool is not seeded yet: wait for it.
	sub	sp, sp, #16
	mov	x0, sp
	mov	x1, #8
	mov	x2, #0
	mov	x8, #278		// getrandom
	svc	#0

	// ld.so finds the libraries through /proc, and Bun its stack. Process 1 mounts it if it is not there.
	bl	look_for_proc
	cbz	x0, libraries
	mov	x8, #172		// getpid
	svc	#0
	cmp	x0, #1
	b.ne	no_proc
	mov	x0, #AT_FDCWD
	adr	x1, proc
	mov	x2, #0555
	mov	x8, #34			// mkdirat
	svc	#0
	adr	x1, proc		// "proc" on "/proc", of type "proc"
	add	x0, x1, #1
	mov	x2, x0
	mov	x3, #0
	mov	x4, #0
	mov	x8, #40			// mount
	svc	#0
	bl	look_for_proc
	cbnz	x0, no_proc

	// Each library becomes a file in memory, whose number goes into LD_PRELOAD.
libraries:
	ldr	x21, [x20, #LIBRARIES]
next_library:
	ldr	x22, [x21, #NAME]
	cbz	x22, hand_over
	mov	x0, x22
	mov	x1, #1 | 8		// MFD_CLOEXEC | MFD_NOEXEC_SEAL: the latter is there since Linux 6.3,
	mov	x8, #279		// memfd_create
	svc	#0
	cmn	x0, #22			// EINVAL before
	b.ne	1f
	mov	x0, x22
	mov	x1, #1
	svc	#0
1:	mov	x23, x0
	tbnz	x0, #63, no_memory
	ldr	x1, [x21, #START]
	ldr	x2, [x21, #SIZE]
	mov	x8, #64			// write
3:	mov	x0, x23
	svc	#0
	cmp	x0, #0
	b.le	no_memory
	add	x1, x1, x0
	subs	x2, x2, x0
	b.ne	3b
	ldr	x1, [x21, #SLOT]
	mov	x2, #10
4:	udiv	x3, x23, x2		// digits from the last to the first
	msub	x4, x3, x2, x23
	add	w4, w4, #'0'
	strb	w4, [x1, #-1]!
	mov	x23, x3
	cbnz	x3, 4b
	add	x21, x21, #ROW
	b	next_library

	// A second copy of what the kernel laid out, with LD_PRELOAD as the whole environment.
hand_over:
	ldr	x0, [x19]		// argc
	add	x1, x19, #16
	add	x1, x1, x0, lsl #3
1:	ldr	x2, [x1], #8		// past the environment
	cbnz	x2, 1b
	mov	x3, x1
2:	ldr	x2, [x3], #16		// to the end of the auxiliary vector
	cbnz	x2, 2b
	sub	x4, x3, x1
	add	x5, x0, #5		// in all: argc, argv and its 0, LD_PRELOAD and its 0, the vector; and one
	and	x5, x5, #~1		// word where the stack pointer would not end on a multiple of 16
	add	x4, x4, x5, lsl #3
	sub	sp, x19, x4
	mov	x4, sp
	mov	x5, x19
3:	ldr	x2, [x5], #8		// argc and argv: argc + 2 words
	str	x2, [x4], #8
	subs	x0, x0, #1
	b.pl	3b
	str	xzr, [x4], #8
	ldr	x2, [x20, #PRELOAD]
	stp	x2, xzr, [x4], #16
5:	ldp	x2, x6, [x1], #16
	add	x5, x20, #REPLACED
6:	ldp	x7, x9, [x5], #16
	cmp	x7, x2
	csel	x6, x9, x6, eq
	b.eq	8f
	cbnz	x7, 6b
8:	stp	x2, x6, [x4], #16
	cbnz	x2, 5b
	mov	x0, #0			// no function for ld.so to call at the exit
	ldr	x16, [x20, #ENTRY]
	br	x16

look_for_proc:				// x0 = 0: it is there
	mov	x0, #AT_FDCWD
	adr	x1, descriptors
	mov	x2, #0
	mov	x8, #48			// faccessat
	svc	#0
	ret

no_proc:
	adr	x1, no_proc_text
	mov	x2, #no_proc_length
	b	1f
no_memory:
	adr	x1, no_memory_text
	mov	x2, #no_memory_length
1:	mov	x0, #2
	mov	x8, #64			// write
	svc	#0
	mov	x0, #1
	mov	x8, #94			// exit_group
	svc	#0

root:
	.asciz	"/"
proc:
	.asciz	"/proc"
descriptors:
	.asciz	"/proc/self/fd"
no_proc_text:
	.ascii	"kexecbox: /proc: not mounted\n"
	.set	no_proc_length, . - no_proc_text
no_memory_text:
	.ascii	"kexecbox: memory: no room for the libraries inside\n"
	.set	no_memory_length, . - no_memory_text
	.balign	8, 0
parameters:
