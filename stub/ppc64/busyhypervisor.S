/*
 * Stands in for the hypervisor in a test: the stub's "sc 1" is replaced by "bla 0x4000", where this lies. It
 * answers "busy" twice, then it passes the call on; and it spoils every register that a hypervisor may
 * change.
 */
	.equ	ADDRESS, 0x4000
	.equ	H_LONG_BUSY_ORDER_1_MSEC, 9900

	.machine "power8"
	.text
	.globl	_start
_start:
	lwz	11,ADDRESS+answers-_start(0)
	addi	11,11,-1
	stw	11,ADDRESS+answers-_start(0)
	cmpwi	11,0
	blt	pass_on
	li	3,H_LONG_BUSY_ORDER_1_MSEC
	b	spoil
pass_on:
	sc	1
spoil:
	li	0,-1
	.irp	register, 4,5,6,7,8,9,10,11,12
	li	\register,-1
	.endr
	mtctr	0
	mtxer	0
	mtcrf	0xff,0
	blr
answers:
	.long	2
