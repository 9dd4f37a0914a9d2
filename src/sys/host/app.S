/* The program, as bytecode: APP_FILE is named by the build. */
    .section .rodata
    .balign 16
    .globl app_begin, app_end
app_begin:
    .incbin APP_FILE
app_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
