/* The ppc test kernel's first instructions: what it was handed goes onto a stack of its own, then payload.c tells of it. */
	.section .text.head, "ax"
	.globl	_start
_start:
	bcl	20,31,1f
1:	mflr	12
	addi	12,12,_start-1b
	addis	11,12,stack_end@ha		/* struct handed, and the stack below */
	addi	11,11,stack_end@l
	stw	3,0(11)
	stw	4,4(11)
	stw	5,8(11)
	stw	6,12(11)
	stw	7,16(11)
	stw	12,20(11)
	mfmsr	10
	stw	10,24(11)
	mfspr	10,286			/* PIR */
	stw	10,28(11)
	addi	1,11,-0x20
	li	0,0
	stw	0,0(1)
	mr	3,11
	addis	4,12,addresses@ha
	addi	4,4,addresses@l
	addis	5,12,addresses_end@ha
	addi	5,5,addresses_end@l
	b	3f
2:	lwz	6,0(4)
	add	6,6,12
	stw	6,0(4)
	addi	4,4,4
3:	cmplw	4,5
	blt	2b
	bl	payload

	/* Where the cpus in the spin table begin, their first 64 MiB mapped to those around this code: each counts itself. */
	.globl	secondary
	.globl	arrived
secondary:
	bcl	20,31,4f
4:	mflr	4
	addi	4,4,arrived-4b
5:	lwarx	5,0,4
	addi	5,5,1
	stwcx.	5,0,4
	bne	5b
6:	b	6b
arrived:
	.long	0

	.bss
	.balign	16
	.space	0x1000
stack_end:
	.space	0x40
