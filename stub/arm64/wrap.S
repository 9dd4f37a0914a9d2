/* The arm64 stub: 256 bytes between two kernels, entered by kexec, then the device tree blob.
 *
 * Linux enters with the MMU and the caches off, all interrupts masked, at EL1 or EL2, x0 to x3 zero where
 * the kernel came through kexec_load (arch/arm64/kernel/relocate_kernel.S), and only on one cpu: the others
 * are off (PSCI). The next kernel wants the same, and x0 = the tree (Documentation/arm64/booting.rst).
 * Everything here was cleaned to memory by the old kernel, and the instruction cache holds nothing.
 *
 * Position independent; changes nothing but x0 to x4.
 */
	.text
	.globl	_start
_start:
	adr	x0, tree
	ldr	x4, kernel
	mov	x1, xzr			/* reserved for later, zero */
	mov	x2, xzr
	mov	x3, xzr
	br	x4

	.org	0xf8
kernel:	.quad	0			/* where the Image lies, little endian: loadem -c 0xf8 */
tree:
