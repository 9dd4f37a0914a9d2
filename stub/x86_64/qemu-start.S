/*
 * Enters an image in qemu's machines without a first kernel, as Linux's kexec would. qemu loads it as an ELF file with a
 * PVH entry (-kernel), and SeaBIOS enters it when ACPI's tables are in memory: one cpu, protected mode, flat segments,
 * paging and interrupts off, no stack (xen/include/public/arch-x86/hvm/start_info.h). It goes to 64-bit mode on page
 * tables that loadem made, and enters the image with all registers 0 but rsp, GDT and IDT empty.
 *
 * Position independent but for the one word that says where it lies.
 */
	.set	TABLES, 0x1000			/* the uppermost page table, from our start */
	.set	CODE_64, 0x08
	.set	DATA, 0x10
	.set	CR0_PG, 0x80000000
	.set	CR4_PAE, 0x20
	.set	MSR_EFER, 0xc0000080
	.set	EFER_LME, 0x100

	.text
	.code32
	.globl	_start
_start:
	mov	$0, %ebp			/* 0x01: our address; loadem writes it */
	cld
	lea	gdt - _start(%ebp), %eax
	mov	%eax, gdt_pointer + 2 - _start(%ebp)
	lgdt	gdt_pointer - _start(%ebp)
	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	lea	TABLES(%ebp), %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	%cr0, %eax
	or	$CR0_PG, %eax
	mov	%eax, %cr0
	lea	long_mode - _start(%ebp), %eax
	mov	%eax, far_pointer - _start(%ebp)
	ljmp	*far_pointer - _start(%ebp)

	.code64
long_mode:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	%eax, %fs
	mov	%eax, %gs
	lea	stack_top(%rip), %rsp
	lgdt	nothing(%rip)
	lidt	nothing(%rip)
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	jmp	*entry(%rip)

	.org	0xa0
gdt:	.quad	0
	.quad	0x00af9b000000ffff		/* CODE_64 */
	.quad	0x00cf93000000ffff		/* DATA */
gdt_pointer:
	.word	gdt_pointer - gdt - 1
	.long	0
	.org	0xc0
far_pointer:
	.long	0
	.word	CODE_64
	.org	0xc8
nothing:
	.word	0
	.quad	0
	.org	0xf8
entry:						/* the stack begins here, downwards */
stack_top:
	.quad	0				/* loadem writes it */
