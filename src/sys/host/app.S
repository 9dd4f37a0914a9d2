/* The program's bytecode: what is at hand, and what is packed. The build sets APP_FILE, PACKED_FILE and UNPACKED_LENGTH. */
    .section .rodata
    .balign 16
    .globl app_begin, app_end, app_packed_begin, app_packed_end, app_unpacked_length
app_unpacked_length:
    .long UNPACKED_LENGTH
app_begin:
    .incbin APP_FILE
app_end:
app_packed_begin:
    .incbin PACKED_FILE
app_packed_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits
