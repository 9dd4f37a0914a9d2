/*
 * Plays the old kernel, so that the stub can be tested without Linux: qemu loads this as its firmware at 0
 * and enters it at 0x100, cpu 0, big endian, real mode. It starts the other cpus, does what Linux's
 * kexec_sequence does (the entry's first 0x100 bytes to 0, the secondaries to absolute 0x60 in big endian),
 * and enters the entry point. The parameters are set in the image by whoever runs it.
 */
	.equ	PARAMETERS, 0x200
	.equ	SECONDARY_ENTRY, 0x60
	.equ	HEAD_SIZE, 0x100
	.equ	H_SET_MODE, 0x31c
	.equ	INTERRUPT_ENDIANNESS, 4
	.equ	H_RTAS, 0xf000			/* qemu: its RTAS, by a hypervisor call */
	.equ	RTAS_CALL, 0x800		/* where its argument block lies */

	.machine "power8"
	.text
	.globl	_start
_start:
	.org	_start+0x100
	b	first_kernel

	.org	_start+PARAMETERS
little_endian:	.long	0			/* 1: interrupts and the jump in little endian */
cpus:		.long	1
entry:		.quad	0
master_id:	.long	0			/* r3 of the master */
start_cpu:	.long	0			/* RTAS token */
delays:		.space	8 * 8			/* by cpu id: ticks before it goes; negative: never */
released:	.long	0

	.org	_start+0x280
secondary:	/* r3 = cpu id */
	lwz	4,released-_start(0)
	cmpwi	4,0
	beq	secondary
	sldi	4,3,3
	ld	4,delays-_start(4)
	cmpdi	4,0
never:	blt	never
	mftb	5
	add	4,4,5
delayed:
	mftb	5
	cmpd	5,4
	blt	delayed
	li	4,SECONDARY_ENTRY
	mtsrr0	4
	mfmsr	4
	mtsrr1	4
	rfid

first_kernel:
	mfmsr	11				/* 64-bit mode */
	li	12,1
	rldimi	11,12,63,0
	mtmsrd	11

	lwz	4,little_endian-_start(0)
	cmpwi	4,0
	beq	start_secondaries
	li	3,H_SET_MODE			/* r4 = 1: interrupts in little endian */
	li	5,INTERRUPT_ENDIANNESS
	li	6,0
	li	7,0
	sc	1

start_secondaries:
	li	20,1
next_cpu:
	lwz	4,cpus-_start(0)
	cmpw	20,4
	bge	copy_head
	li	4,RTAS_CALL
	lwz	5,start_cpu-_start(0)
	stw	5,0(4)
	li	5,3				/* inputs: cpu, where it starts, its r3 */
	stw	5,4(4)
	li	5,1
	stw	5,8(4)
	stw	20,12(4)
	li	5,secondary-_start
	stw	5,16(4)
	stw	20,20(4)
	li	3,0
	ori	3,3,H_RTAS
	sc	1
	addi	20,20,1
	b	next_cpu

copy_head:
	ld	30,entry-_start(0)
	li	5,HEAD_SIZE
copy_doubleword:
	addic.	5,5,-8
	ldx	6,30,5
	stdx	6,0,5
	dcbst	0,5
	sync
	icbi	0,5
	bne	copy_doubleword
	sync
	li	5,1
	stw	5,released-_start(0)

	mfmsr	11
	lwz	12,little_endian-_start(0)
	or	11,11,12			/* MSR_LE is bit 0 */
	mtsrr0	30
	mtsrr1	11
	lwz	3,master_id-_start(0)
	mr	4,30
	li	5,0
	mftb	14				/* the stub does not touch r14: the payload prints it */
	rfid
