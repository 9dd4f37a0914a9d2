/*
 * The head of the test kernel: a bzImage with nothing in it but a setup header and the 64-bit entry point. It keeps
 * what it was entered with for payload.c.
 */
	.set	HEADER, 0x202
	.set	KERNEL, 0x400			/* boot sector and one setup sector stand before it */
	.set	ENTRY_64, 0x200
	.set	INIT_SIZE, 0x100000

	.section .text.head, "ax"
	.globl	_start
_start:
	.org	0x1f1
	.byte	1				/* setup_sects */
	.org	0x1f4
	.long	payload_syssize			/* syssize */
	.org	0x1fe
	.word	0xaa55				/* boot_flag */
	.byte	0xeb, header_end - HEADER	/* jump */
	.ascii	"HdrS"
	.word	0x20f				/* version */
	.org	0x211
	.byte	1				/* loadflags: LOADED_HIGH */
	.org	0x22c
	.long	0x7fffffff			/* initrd_addr_max */
	.long	0x200000			/* kernel_alignment */
	.byte	1				/* relocatable_kernel */
	.byte	21				/* min_alignment */
	.word	3				/* xloadflags: XLF_KERNEL_64, XLF_CAN_BE_LOADED_ABOVE_4G */
	.long	2047				/* cmdline_size */
	.org	0x258
	.quad	0x1000000			/* pref_address */
	.long	INIT_SIZE			/* init_size */
	.org	0x26c
header_end:

	.org	KERNEL
kernel:
	.org	KERNEL + ENTRY_64
	mov	%rsp, entry_rsp(%rip)
	lea	kernel + INIT_SIZE(%rip), %rsp	/* our memory's end */
	pushfq
	push	%rdi
	push	%rbp
	push	%rbx
	push	%rsi
	push	entry_rsp(%rip)
	lea	kernel(%rip), %rax
	push	%rax
	mov	%rsp, %rdi
	sub	$8, %rsp			/* so that it is aligned for the call */
	call	payload
entry_rsp:
	.quad	0

	.section .note.GNU-stack, "", @progbits
