/*
 * The x86-64 stub: 256 bytes between two kernels, entered by kexec, then the zero page.
 *
 * Linux enters in 64-bit mode, all RAM mapped one to one, interrupts off, only on one cpu: the others are halted
 * and wait for the next kernel's INIT (arch/x86/kernel/relocate_kernel_64.S). Selectors are the old kernel's, and
 * GDTR and IDTR have limit 0. The next kernel wants CS = 0x10, DS = ES = SS = 0x18 with flat descriptors in a GDT
 * that is there, and rsi = the zero page, at 0x200 bytes from its start (Documentation/arch/x86/boot.rst, 64-bit Boot
 * Protocol). CR0, CR4 and EFER pass as they are: 4 or 5 levels. So do the page tables, but for what processors ignore
 * in the first entry of the uppermost: newer kernels leave a mark there (_PAGE_NOPTISHADOW, bit 58), and older ones,
 * which go from 5 levels to 4, take all of that entry but its low 12 bits for an address (5.10: paging_prepare in
 * arch/x86/boot/compressed/pgtable_64.c).
 *
 * Position independent. Its stack is the room before the kernel's address.
 */
	.set	BOOT_CS, 0x10
	.set	BOOT_DS, 0x18
	.set	ENTRY_64, 0x200

	.text
	.globl	_start
_start:
	cli
	cld
	lea	stack_top(%rip), %rsp
	lea	gdt(%rip), %rax
	push	%rax				/* the operand of lgdt: 16 bits of limit, then 64 of address */
	pushw	$gdt_end - gdt - 1
	lgdt	(%rsp)
	mov	%cr3, %rax
	and	$-0x1000, %rax			/* flags */
	andw	$0xf, 6(%rax)			/* bits 52 to 63 of the first entry */
	mov	kernel(%rip), %rax
	add	$ENTRY_64, %rax
	push	$BOOT_CS
	push	%rax				/* with CS, where lretq goes */
	mov	$BOOT_DS, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	lea	zero_page(%rip), %rsi
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%edi, %edi
	lretq

	.org	0x80
gdt:	.quad	0
	.quad	0
	.quad	0x00af9a000000ffff		/* BOOT_CS: 64-bit code, execute and read, all memory */
	.quad	0x00cf92000000ffff		/* BOOT_DS: data, read and write, all memory */
gdt_end:

	.org	0xf8
stack_top:					/* down to 0xa0 */
kernel:	.quad	0				/* where the kernel lies, little endian: loadem -c 0xf8 */
zero_page:
