/*
 * The first 0x100 bytes of the test kernel: where the master (0x00) and the secondary cpus (0x60) enter it,
 * each in either endianness. The secondaries run a copy of these bytes at real address 0: what they use is
 * absolute.
 */
	.equ	SECONDARY_ENTRY, 0x60
	.equ	STACK, 0x7f00			/* low memory is ours, as it is any kernel's */

	/* An instruction for a cpu in little endian: its word, bytes reversed. */
	.macro	le word
	.byte	(\word) & 0xff, ((\word) >> 8) & 0xff, ((\word) >> 16) & 0xff, ((\word) >> 24) & 0xff
	.endm

	/* r28 = the MSR at entry, then on in big endian. Changes r8 to r11, lr. */
	.macro	enter_in_either_endian
	tdi	0,0,0x48			/* never traps; LE: b .+8 */
	b	1f
	le	0x7f8000a6			/* LE: mfmsr r28 */
	le	0x6b8b0001			/* LE: xori r11,r28,1 */
	le	0x429f0005			/* LE: bcl 20,31,.+4 */
	le	0x7d4802a6			/* LE: mflr r10 */
	le	0x394a0018			/* LE: addi r10,r10,0x18 (2f - here) */
	le	0x7d5a03a6			/* LE: mtsrr0 r10 */
	le	0x7d7b03a6			/* LE: mtsrr1 r11 */
	le	0x4c000024			/* LE: rfid */
1:	mfmsr	28
2:
	.endm

	.machine "power4"
	.section .text.head,"ax"
	.globl	_start
_start:
	enter_in_either_endian
	b	master

	.org	_start+0x5c
	.long	0x72756e30			/* "run0": no matter, we run wherever we are */

	.org	_start+SECONDARY_ENTRY
	enter_in_either_endian
	li	4,1				/* who came: bit r3 */
	sld	4,4,3
	andi.	28,28,1
	li	5,arrived_be-_start
	beq	arrive
	li	5,arrived_le-_start
arrive:
	ldarx	6,0,5
	or	6,6,4
	stdcx.	6,0,5
	bne-	arrive
hold:	or	1,1,1				/* low priority */
	b	hold

	.org	_start+0xf0			/* payload.c knows these addresses */
arrived_be:	.quad	0
arrived_le:	.quad	0

	.org	_start+0x100
master:		/* payload(r3, r4, r5, { msr, base, r14, timebase }) */
	mftb	9
	bcl	20,31,1f
1:	mflr	12
	addi	12,12,_start-1b
	lis	1,STACK@ha
	addi	1,1,STACK@l
	addi	6,1,0x40
	std	28,0(6)
	std	12,8(6)
	std	14,16(6)
	std	9,24(6)
	li	0,0
	std	0,0(1)
	/* ELFv2: data is found from r2 */
	addis	2,12,.TOC.-_start@ha
	addi	2,2,.TOC.-_start@l
	bl	payload

	/* An interrupt handler, to be copied to its vector: r3 = 1 if entered in little endian, else 0. */
	.globl	endianness_handler
	.globl	endianness_handler_end
endianness_handler:
	tdi	0,0,0x48			/* LE: b .+8 */
	b	1f
	le	0x38600001			/* LE: li r3,1 */
	le	0x4c000024			/* LE: rfid */
1:	li	3,0
	rfid
endianness_handler_end:
