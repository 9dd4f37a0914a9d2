/*
 * v2wrap: the 256 bytes between the old kernel and the next one on 64-bit PowerPC. The device tree blob
 * follows. The README beside this file tells the layout and the order of the hand-over.
 *
 * Two copies of these bytes run. The HIGH copy is the segment where loadem put it: the master runs there. The
 * LOW copy is made by the old kernel, which copies the entry point's first 0x100 bytes to real address 0 and
 * sends every secondary cpu to absolute 0x60. Both run in real mode, 64 bit, external interrupts off.
 *
 * master     r3 cpu id, later the last wait word seen; r5 MSR of a little endian entry, else 0;
 *            r7 wait word; r8 now; r9 deadline; r31 "parking" in the high copy
 * secondary  r3 cpu id, kept; r4 where to jump; r5 address of the wait word; r7
 */
	.equ	SECONDARY_ENTRY, 0x60		/* absolute: fixed by the kernel's kexec code */
	.equ	HEAD_SIZE, 0x100		/* of a kernel: must lie at 0 before secondaries enter it */
	.equ	FDT_VERSION, 20			/* offsets in the header of the tree */
	.equ	FDT_BOOT_CPU, 28
	.equ	H_SET_MODE, 0x31c		/* LoPAR, H_SET_MODE: flags, resource, value1, value2 */
	.equ	BIG_ENDIAN_INTERRUPTS, 0	/*   flags */
	.equ	INTERRUPT_ENDIANNESS, 4		/*   resource; value1 and value2 must be 0 */
	.equ	MSR_HV_TO_SIGN, 3		/* shifted left by 3, MSR[HV] is the sign */

	/* An instruction for a cpu in little endian: its word, bytes reversed. A test disassembles each. */
	.macro	le word
	.byte	(\word) & 0xff, ((\word) >> 8) & 0xff, ((\word) >> 16) & 0xff, ((\word) >> 24) & 0xff
	.endm

	.machine "power4"			/* no instruction that the oldest 64-bit machines lack */
	.text
	.globl	_start
_start:
	/* Entered in the old kernel's endianness. In big endian this word is a harmless "xoris 0,0,0x48". */
	le	0x4800006c			/* LE: b .+0x6c (little_endian) */

	lwz	0,tree+FDT_VERSION-_start(4)
	cmplwi	0,2				/* version 1 has no such field: other data lies there */
	blt	open_gate
	stw	3,tree+FDT_BOOT_CPU-_start(4)

open_gate:	/* secondaries may leave page 0 now */
	addi	31,4,parking-_start
	std	31,gate-_start(0)		/* the LOW copy's */

	/*
	 * Wait until none of the expected secondaries is missing, or the wait word has not changed for the
	 * ticks in its upper half. Its first value differs from r3: cpu ids are below 0x10000, wait words are
	 * not. If more come than expected, the lower half goes below 0 and borrows from the ticks: no harm.
	 */
await:
	mftb	8
	lwz	7,wait-parking(31)
	cmpd	7,3
	beq	nobody_came
	mr	3,7
	add	9,8,7				/* with the lower half, which is less than a millisecond */
nobody_came:
	extsh.	0,7
	ble	all_parked
	cmpd	8,9
	blt	await

	/*
	 * LPCR[ILE] outlives the old kernel, and a big endian kernel dies of its first interrupt in little
	 * endian: after a little endian kernel ask the hypervisor for big endian (a little endian one asks
	 * for its own). r5 << 3 > 0 only if we came in little endian (a bit is set) and are not the
	 * hypervisor (the sign is clear): a machine without a hypervisor never sees this call.
	 */
all_parked:
	sldi.	0,5,MSR_HV_TO_SIGN
	ble	copy_head
set_mode:	/* the call may change r0, r3 to r12, ctr, xer and cr: load all of its arguments each time */
	li	3,H_SET_MODE
	li	4,BIG_ENDIAN_INTERRUPTS
	li	5,INTERRUPT_ENDIANNESS
	li	6,0
	b	set_mode_call			/* over the secondaries' entry */

	.org	_start+SECONDARY_ENTRY
secondary:	/* in the LOW copy: goes round until the gate leads elsewhere */
	ld	4,gate-_start(0)
jump:		/* to r4; the master's last step too */
	mtctr	4
	bctr

little_endian:	/* r4 is our address: enter again from the top, in big endian */
	le	0x7ca000a6			/* LE: mfmsr r5 */
	le	0x68a60001			/* LE: xori r6,r5,1 (MSR[LE]) */
	le	0x7cdb03a6			/* LE: mtsrr1 r6 */
	le	0x7c9a03a6			/* LE: mtsrr0 r4 */
	le	0x4c000024			/* LE: rfid */

	.balign	8				/* so that nobody sees half of an address */
gate:	.quad	SECONDARY_ENTRY			/* back to the reader, until the master writes &parking */

parking:	/* in the HIGH copy, r4 = &parking */
	addi	5,4,wait-parking
arrive:		/* a store is never done on speculation: a cpu that is counted has left page 0 for good */
	lwarx	7,0,5
	addi	7,7,-1
	stwcx.	7,0,5
	bne-	arrive
parked:
	lwz	7,0(5)
	cmpwi	7,0
	bgt	parked				/* a late comer makes the 0 negative: still "go" */
	isync					/* drop what was fetched from 0x60 too early: our LOW copy */
	ba	SECONDARY_ENTRY			/* the new kernel's */

set_mode_call:
	li	7,0
	.long	0x44000022			/* sc 1: the assembler knows it only for later machines */
	cmpdi	3,0
	bgt	set_mode			/* busy: again. An error is negative: go on all the same */

copy_head:	/* of the new kernel, downwards, to 0, and out of everybody's instruction caches */
	ld	4,kernel-parking(31)
	li	5,HEAD_SIZE
copy_doubleword:
	addic.	5,5,-8
	ldx	6,4,5
	stdx	6,0,5
	dcbst	0,5
	sync					/* in memory, before it leaves the instruction caches */
	icbi	0,5
	bne	copy_doubleword
	sync					/* and has left them before anybody goes */
	stw	5,wait-parking(31)		/* 0: go */
	addi	3,31,tree-parking
	b	jump				/* r3 = tree, r4 = kernel, r5 = 0 */

	.org	_start+0xf4
wait:	.long	0x10007fff			/* quiet ticks, and secondaries to come: here unknown */
kernel:	.quad	0				/* the loader writes the address here: loadem -c 0x100 */
	.org	_start+0x100
tree:
