/* The program's bytecode. The build sets APP_FILE. */
    .section .rodata
    .balign 16
    .globl app_begin, app_end
app_begin:
    .incbin APP_FILE
app_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
