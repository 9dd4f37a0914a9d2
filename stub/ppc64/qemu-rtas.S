/*
 * RTAS of qemu's pseries machine, where an image is started without a first kernel: what firmware puts where the kernel
 * asks it to. r3 = the argument block; qemu answers it by a hypercall.
 */
	.equ	H_RTAS, 0xf000

	.machine "power4"
	.text
	.globl	_start
_start:
	mr	4,3
	li	3,0
	ori	3,3,H_RTAS
	.long	0x44000022			/* sc 1: the assembler knows it only for later machines */
	blr
