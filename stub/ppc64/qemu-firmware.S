/*
 * Stands in for the firmware of qemu's pseries machine, where an image is started without a first kernel. It lies at
 * 0x100, where qemu enters firmware: cpu 0, big endian, real mode, 32 bit. All other cpus are stopped until RTAS starts
 * them.
 *
 * It asks qemu for what the next kernel's tree says was negotiated with firmware: the cpu's level, the MMU, the
 * interrupt controller (ibm,client-architecture-support, LoPAR B.6.2.3). qemu has a call of its own for that, and
 * answers with a new tree, which goes to an address where there is nothing: the next kernel has a tree already. Then it
 * enters the image as kexec does.
 */
	.equ	START, 0x100
	.equ	H_CAS, 0xf002			/* qemu: r4 = what is asked for, r5 and r6 = room for the tree */
	.equ	ROOM, 0x10			/* MiB: the call fails where the tree does not fit */

	.machine "power4"
	.text
	.globl	_start
_start:
	mfmsr	11				/* 64-bit mode, as Linux leaves it */
	li	12,1
	rldimi	11,12,63,0
	mtmsrd	11
	li	3,0
	ori	3,3,H_CAS
	li	4,START+asked-_start
	li	5,-1
	sldi	5,5,56				/* 0xff00000000000000: nowhere */
	lis	6,ROOM * 0x10
	.long	0x44000022			/* sc 1: the assembler knows it only for later machines */
	li	3,0				/* the cpu's id */
	ld	4,START+entry-_start(0)
	li	5,0
	mtctr	4
	bctr

	.org	_start+0x48
entry:	.quad	0				/* loadem writes it */

asked:	/* pairs of mask and PVR; vectors of options, each begins with its length less 1 */
	.long	0xffffffff, 0			/* 0x54: the tree's cpu-version; loadem writes it */
	.long	0, 0				/* else the cpu as it is */
	.long	0, 1				/* the list ends */
	.byte	5 - 1				/* vectors */
	.byte	0, 0
	.byte	0, 0
	.byte	0, 0
	.byte	0, 0
	/* 0x71: the tree's ibm,architecture-vec-5, up to 256 bytes; loadem writes it. Without: that the hash table could be
	 * resized, for else qemu makes one for all memory that could be added, of another size than the tree says. */
	.byte	6 - 1, 0, 0, 0, 0, 0, 1
	.balign	4
