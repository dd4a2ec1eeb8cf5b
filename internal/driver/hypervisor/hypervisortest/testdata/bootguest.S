# A guest in one boot sector: enough of an operating system to test a hypervisor.
#
# It says "NUBO READY" on COM1, then obeys: the ACPI power button, ACPI PCI
# ejects (as Linux would), and single characters on COM1:
#   i  count up in memory and print the digit   w  write its sector 8
#   p  say "BYE", power off by ACPI             r  say "BYE", reset
#   f  fill the console with 64 KiB
#
# Rebuild: as --32 -o b.o bootguest.S && ld -m elf_i386 -Ttext 0x7c00
#          --oformat binary -o bootguest.bin b.o
	.code16
	.globl _start
_start:
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $0x7c00, %sp
	movb %dl, drive
	movw $0x0602, %dx		# PM1_EN: the button may be pressed
	movw $0x0100, %ax
	outw %ax, %dx
	movw $ready, %si
	call puts
	sti
loop:
	hlt				# the BIOS timer wakes us 18 times a second
	movw $0x0600, %dx		# PM1_STS
	inw %dx, %ax
	testw $0x0100, %ax
	jz nobutton
	movw $0x0100, %ax
	outw %ax, %dx
	movw $button, %si
	call puts
	jmp poweroff
nobutton:
	movw $0xae00, %bx		# PCI hotplug registers of pc
	call eject
	movw $0x0cc0, %bx		# and of q35
	call eject
next:
	movw $0x3fd, %dx
	inb %dx, %al
	testb $1, %al
	jz loop
	movw $0x3f8, %dx
	inb %dx, %al
	cmpb $'p', %al
	je poweroff
	cmpb $'r', %al
	je reset
	cmpb $'i', %al
	je count
	cmpb $'w', %al
	je write
	cmpb $'f', %al
	je flood
	jmp next

count:
	incb counter
	movb counter, %al
	call putc
	jmp next
flood:
	xorw %cx, %cx
1:	movb $'x', %al
	call putc
	decw %cx
	jnz 1b
	movw $flooded, %si
	call puts
	jmp next
write:
	movb counter, %al
	movb %al, 0x8000
	movb $0x43, %ah
	xorb %al, %al
	movb drive, %dl
	movw $packet, %si
	int $0x13
	movw $wrote, %si
	jnc 1f
	movw $failed, %si
1:	call puts
	jmp next
poweroff:
	movw $bye, %si
	call puts
	movw $0x0604, %dx		# PM1_CNT: SLP_EN, type 0
	movw $0x2000, %ax
	outw %ax, %dx
	jmp loop
reset:
	movw $bye, %si
	call puts
	movw $0xcf9, %dx
	movb $6, %al
	outb %al, %dx
	movb $0xfe, %al
	outb %al, $0x64
	jmp loop

# eject lets go of every device QEMU wants back; bx: base of the registers
eject:
	xorl %ecx, %ecx
1:	leaw 0x10(%bx), %dx
	movl %ecx, %eax
	outl %eax, %dx
	leaw 4(%bx), %dx
	inl %dx, %eax
	testl %eax, %eax
	jz 2f
	cmpl $-1, %eax
	je 2f
	leaw 8(%bx), %dx
	outl %eax, %dx
2:	incw %cx
	cmpw $4, %cx
	jb 1b
	ret

puts:	lodsb
	testb %al, %al
	jz 1f
	call putc
	jmp puts
1:	ret
putc:	pushw %dx
	pushw %ax
	movw $0x3fd, %dx
1:	inb %dx, %al
	testb $0x20, %al
	jz 1b
	popw %ax
	movw $0x3f8, %dx
	outb %al, %dx
	popw %dx
	ret

drive:	.byte 0
counter: .byte '0'
	.balign 4
packet:	.byte 16, 0
	.word 1, 0x8000, 0
	.long 8, 0
ready:	.asciz "NUBO READY\r\n"
button:	.asciz "BUTTON\r\n"
bye:	.asciz "BYE\r\n"
wrote:	.asciz "WROTE\r\n"
failed:	.asciz "FAILED\r\n"
flooded: .asciz "FLOODED\r\n"
	.org 510
	.word 0xaa55
