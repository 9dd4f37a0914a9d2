/* The arm64 test kernel's first instructions, after an Image's header: what it was handed goes onto a stack of
 * its own, then payload.c tells of it. Linux: Documentation/arm64/booting.rst. */
	.section .text.head, "ax"
	.globl	_start
_start:
	b	entry
	.long	0
	.quad	0			/* text_offset */
	.quad	image_size
	.quad	2			/* flags: little endian, pages of 4 KiB */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0

entry:
	adrp	x16, stack_end
	add	sp, x16, :lo12:stack_end
	/* struct handed, from its end */
	mrs	x17, daif
	mrs	x18, CurrentEL
	stp	x17, x18, [sp, #-16]!
	cmp	x18, #8			/* EL2 */
	b.eq	1f
	mrs	x17, sctlr_el1
	b	2f
1:	mrs	x17, sctlr_el2
2:	adr	x18, _start
	stp	x17, x18, [sp, #-16]!
	stp	x2, x3, [sp, #-16]!
	stp	x0, x1, [sp, #-16]!
	mov	x0, sp
	b	payload
