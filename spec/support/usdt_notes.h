/*
 * Static probe points with argument strings of the test's own, as <sys/sdt.h> would leave them:
 * PROBE(provider, name, semaphore, "arguments") in assembler text. Compilers choose operands
 * themselves; here each kind of operand can be had.
 */
#ifndef USDT_NOTES_H
#define USDT_NOTES_H

#define PROBE(provider, name, semaphore, arguments)                                                \
    "990: nop\n"                                                                                   \
    ".pushsection .note.stapsdt,\"\",\"note\"\n"                                                   \
    ".balign 4\n"                                                                                  \
    ".4byte 992f-991f, 994f-993f, 3\n"                                                             \
    "991: .asciz \"stapsdt\"\n"                                                                    \
    "992: .balign 4\n"                                                                             \
    "993: .8byte 990b, _.stapsdt.base, " #semaphore "\n"                                           \
    ".asciz \"" #provider "\"\n"                                                                   \
    ".asciz \"" #name "\"\n"                                                                       \
    ".asciz \"" arguments "\"\n"                                                                   \
    "994: .balign 4\n"                                                                             \
    ".popsection\n"

__asm__(".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat\n"
        ".weak _.stapsdt.base\n"
        ".hidden _.stapsdt.base\n"
        "_.stapsdt.base: .space 1\n"
        ".size _.stapsdt.base, 1\n"
        ".popsection\n");

#endif
