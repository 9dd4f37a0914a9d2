/*
 * Starts an image in qemu's virt machine where there is no first kernel: OpenSBI enters it in S mode, without MMU, on
 * the hart that boots, whose number is in a0 and stays there. Linux's kexec hands over the same: a0 and the tree.
 */
	.equ	TREE, 0x10
	.equ	ENTRY, 0x18

	.option	norvc
	.text
	.globl	_start
_start:
	auipc	t0, 0
	ld	a1, TREE(t0)
	ld	t0, ENTRY(t0)
	jr	t0

	.org	TREE
	.quad	0				/* loadem writes both */
	.org	ENTRY
	.quad	0
