# The start of a fused executable on x86-64: what Linux enters in place of ld.so. README.md tells the whole.
# Position independent; scripts/fuse.ts puts the parameters right after the last byte.
# System calls keep every register but rax, rcx and r11.

	.set	ENTRY, 0		# the parameters: ld.so's entry,
	.set	PRELOAD, 8		# the text LD_PRELOAD=...,
	.set	LIBRARIES, 16		# the table of libraries,
	.set	REPLACED, 24		# what replaces the kernel's auxiliary vector: pairs, type 0 ends them

	.set	NAME, 0			# a row of the table (NAME 0 ends it): its name in /proc/PID/maps,
	.set	START, 8		# its file in our memory,
	.set	SIZE, 16
	.set	SLOT, 24		# the end of the room for its descriptor's number in LD_PRELOAD
	.set	ROW, 32

	.text
	mov	%rsp, %rbp		# argc, argv, 0, envp, 0, auxv: as the kernel laid them out
	lea	parameters(%rip), %rbx

	# Bun opens /dev/null where 0, 1 or 2 is closed, and writing to it succeeds. Of "/", opened for its path
	# alone, every read and write fails as of a closed one.
	xor	%r12d, %r12d
1:	mov	%r12d, %edi
	mov	$1, %esi		# F_GETFD
	mov	$72, %eax		# fcntl
	syscall
	cmp	$-9, %eax		# EBADF
	jne	2f
	lea	root(%rip), %rdi
	mov	$0x200000, %esi		# O_PATH: the lowest number that is free, which is this one
	mov	$2, %eax		# open
	syscall
2:	inc	%r12d
	cmp	$3, %r12d
	jb	1b

	# Bun aborts where the random pool is not seeded yet: wait for it.
	push	%rax
	mov	%rsp, %rdi
	mov	$8, %esi
	xor	%edx, %edx
	mov	$318, %eax		# getrandom
	syscall

	# ld.so finds the libraries through /proc, and Bun its stack. Process 1 mounts it if it is not there.
	call	look_for_proc
	jz	libraries
	mov	$39, %eax		# getpid
	syscall
	cmp	$1, %eax
	jne	no_proc
	lea	proc(%rip), %rdi
	mov	$0555, %esi
	mov	$83, %eax		# mkdir
	syscall
	lea	proc+1(%rip), %rdi	# "proc" on "/proc", of type "proc"
	lea	proc(%rip), %rsi
	mov	%rdi, %rdx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$165, %eax		# mount
	syscall
	call	look_for_proc
	jnz	no_proc

	# Each library becomes a file in memory, whose number goes into LD_PRELOAD.
libraries:
	mov	LIBRARIES(%rbx), %r12
next_library:
	mov	NAME(%r12), %rdi
	test	%rdi, %rdi
	jz	hand_over
	mov	$1 | 8, %esi		# MFD_CLOEXEC | MFD_NOEXEC_SEAL: the latter is there since Linux 6.3,
	mov	$319, %eax		# memfd_create
	syscall
	cmp	$-22, %eax		# EINVAL before
	jne	1f
	mov	$1, %esi
	mov	$319, %eax
	syscall
1:	mov	%eax, %r13d
	test	%eax, %eax
	js	no_memory
	mov	START(%r12), %rsi
	mov	SIZE(%r12), %r14
3:	mov	%r13d, %edi
	mov	%r14, %rdx
	mov	$1, %eax		# write
	syscall
	test	%rax, %rax
	jle	no_memory
	add	%rax, %rsi
	sub	%rax, %r14
	jnz	3b
	mov	SLOT(%r12), %rdi
	mov	%r13d, %eax
	mov	$10, %ecx
4:	xor	%edx, %edx		# digits from the last to the first
	div	%ecx
	add	$'0', %dl
	dec	%rdi
	mov	%dl, (%rdi)
	test	%eax, %eax
	jnz	4b
	add	$ROW, %r12
	jmp	next_library

	# A second copy of what the kernel laid out, with LD_PRELOAD as the whole environment.
hand_over:
	mov	%rbp, %rsp
	mov	(%rbp), %rcx		# argc
	lea	16(%rbp,%rcx,8), %rsi
1:	mov	(%rsi), %rax		# past the environment
	add	$8, %rsi
	test	%rax, %rax
	jnz	1b
	mov	%rsi, %rdi
2:	mov	(%rsi), %rax		# to the end of the auxiliary vector
	add	$16, %rsi
	test	%rax, %rax
	jnz	2b
	test	$1, %cl			# the stack pointer ends on a multiple of 16
	jz	3f
	push	$0
3:	sub	$8, %rsi
	push	(%rsi)
	cmp	%rdi, %rsi
	jne	3b
	mov	%rsp, %rdi
	push	$0
	push	PRELOAD(%rbx)
4:	push	8(%rbp,%rcx,8)		# argv from its 0 to its first, then argc
	dec	%rcx
	jns	4b
	push	(%rbp)
5:	mov	(%rdi), %rax
	lea	REPLACED(%rbx), %rsi
6:	cmp	%rax, (%rsi)
	je	7f
	cmpq	$0, (%rsi)
	lea	16(%rsi), %rsi
	jne	6b
	jmp	8f
7:	mov	8(%rsi), %rcx
	mov	%rcx, 8(%rdi)
8:	add	$16, %rdi
	test	%rax, %rax
	jnz	5b
	xor	%edx, %edx		# no function for ld.so to call at the exit
	jmp	*ENTRY(%rbx)

look_for_proc:				# zero flag: it is there
	lea	descriptors(%rip), %rdi
	xor	%esi, %esi
	mov	$21, %eax		# access
	syscall
	test	%eax, %eax
	ret

no_proc:
	lea	no_proc_text(%rip), %rsi
	mov	$no_proc_length, %edx
	jmp	1f
no_memory:
	lea	no_memory_text(%rip), %rsi
	mov	$no_memory_length, %edx
1:	mov	$2, %edi
	mov	$1, %eax		# write
	syscall
	mov	$1, %edi
	mov	$231, %eax		# exit_group
	syscall

root:
	.asciz	"/"
proc:
	.asciz	"/proc"
descriptors:
	.asciz	"/proc/self/fd"
no_proc_text:
	.ascii	"kexecbox: /proc: not mounted\n"
	.set	no_proc_length, . - no_proc_text
no_memory_text:
	.ascii	"kexecbox: memory: no room for the libraries inside\n"
	.set	no_memory_length, . - no_memory_text
	.balign	8, 0
parameters:
