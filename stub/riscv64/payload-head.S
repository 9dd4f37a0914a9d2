/* The riscv64 test kernel's first instructions, in an Image's header: what it was handed goes onto a stack of its own,
 * then payload.c tells of it. Linux: Documentation/arch/riscv/boot-image-header.rst. */
	.option	norvc
	.section .text.head, "ax"
	.globl	_start
_start:
	j	entry
	.long	0
	.quad	0x200000		/* text_offset */
	.quad	image_size
	.quad	0			/* flags: little endian */
	.long	2			/* version 0.2 */
	.long	0
	.quad	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.long	0

entry:
	lla	sp, stack_end
	/* struct handed */
	addi	sp, sp, -48
	sd	a0, 0(sp)
	sd	a1, 8(sp)
	lla	t0, _start
	sd	t0, 16(sp)
	csrr	t0, satp
	sd	t0, 24(sp)
	csrr	t0, sstatus
	sd	t0, 32(sp)
	mv	a0, sp
	j	payload
