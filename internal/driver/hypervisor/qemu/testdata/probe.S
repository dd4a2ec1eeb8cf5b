# The probe: a boot sector that goes to 64-bit mode with paging, takes ten timer
# interrupts there (local APIC off, 8259 and 8254 only), uses CPUID, MSRs and
# SSE, says "NUBO PROBE OK" on COM1 and resets.
#
# Rebuild: as --64 -o p.o probe.S && ld -m elf_x86_64 -Ttext 0x7c00
#          --oformat binary -o probe.bin p.o
	.code16
	.globl _start
_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $0x7c00, %sp
	movw $0x1000, %di		# page tables at 0x1000 to 0x3fff: clear
	movw $0x1800, %cx
	xorw %ax, %ax
	rep stosw
	movw $0x2003, 0x1000		# PML4[0] -> PDPT
	movw $0x3003, 0x2000		# PDPT[0] -> PD
	movw $0x0083, 0x3000		# PD[0]: 2 MiB at 0
	lgdt gdtr
	movl %cr4, %eax
	orl $0x620, %eax		# PAE, SSE
	movl %eax, %cr4
	movl $0x1000, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		# EFER.LME
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	andl $0xfffffffb, %eax
	orl $0x80000003, %eax
	movl %eax, %cr0
	ljmpl $8, $long
	.code64
long:
	movw $16, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movl $0x7000, %esp
	movl $0x5000, %edi		# an IDT with every gate at tick
	movl $256, %ecx
1:	movl $tick, %eax
	movw %ax, (%rdi)
	movw $8, 2(%rdi)
	movl $0x8e00, 4(%rdi)
	movq $0, 8(%rdi)
	addl $16, %edi
	loop 1b
	lidt idtr
	movb $0x11, %al			# 8259: vectors from 32, timer only
	outb %al, $0x20
	movb $32, %al
	outb %al, $0x21
	movb $4, %al
	outb %al, $0x21
	movb $1, %al
	outb %al, $0x21
	movb $0xfe, %al
	outb %al, $0x21
	movb $0x34, %al			# 8254: about 1 kHz
	outb %al, $0x43
	movb $0xa9, %al
	outb %al, $0x40
	movb $4, %al
	outb %al, $0x40
	xorl %ebx, %ebx
	sti
2:	hlt
	cmpl $10, %ebx
	jb 2b
	cli
	xorl %eax, %eax
	cpuid
	movq %rax, %xmm0
	addpd %xmm0, %xmm0
	movl $words, %esi
3:	lodsb
	testb %al, %al
	jz 4f
	movw $0x3f8, %dx
	outb %al, %dx
	jmp 3b
4:	movw $0xcf9, %dx
	movb $6, %al
	outb %al, %dx
5:	hlt
	jmp 5b
tick:	incl %ebx
	movb $0x20, %al
	outb %al, $0x20
	iretq
	.balign 8
gdt:	.quad 0, 0x00209a0000000000, 0x0000920000000000
gdtr:	.word 23
	.long gdt
idtr:	.word 4095
	.quad 0x5000
words:	.asciz "NUBO PROBE OK\r\n"
	.org 510
	.word 0xaa55
