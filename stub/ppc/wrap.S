/*
 * The 256 bytes between the old kernel and the next one on 32-bit PowerPC. The device tree blob follows. The README
 * beside this file tells the layout.
 *
 * Entered with r3 = number of this cpu, r4 = address of these bytes; what is mapped is where it is physically, or the
 * MMU is off. Big endian, external interrupts off. No other cpu comes here.
 */
	.equ	FDT_VERSION, 20			/* offsets in the header of the tree */
	.equ	FDT_BOOT_CPU, 28

	.machine "ppc"
	.text
	.globl	_start
_start:
	addi	8,4,tree-_start
	lwz	9,FDT_VERSION(8)
	cmplwi	9,2				/* version 1 has no such field: other data lies there */
	blt	enter
	stw	3,FDT_BOOT_CPU(8)

enter:
	mr	3,8
	lwz	4,kernel-_start(4)
	li	5,0				/* no Open Firmware */
	li	6,0
	li	7,0
	mtctr	4
	bctr

	.org	_start+0xfc
kernel:	.long	0				/* loadem -c 0x100 stores it */
tree:
