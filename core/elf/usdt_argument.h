/*
 * Where an argument of a static probe point lies: the assembler's own notation for an operand, as
 * the compiler wrote it into the note. "-4@8(%rbp,%rax,2)" is four signed bytes in memory, "8@x3"
 * (aarch64) a register.
 */
#ifndef LBPF_ELF_USDT_ARGUMENT_H
#define LBPF_ELF_USDT_ARGUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lbpf_usdt_place {
    LBPF_USDT_CONSTANT, /* offset itself */
    LBPF_USDT_REGISTER, /* base */
    LBPF_USDT_MEMORY,   /* at base + index * scale + symbol + offset */
    LBPF_USDT_ADDRESS,  /* symbol + offset itself */
};

struct lbpf_usdt_register {
    const char *member; /* of struct pt_regs: "di", "regs[3]"; NULL: there is none; "": zero */
    uint8_t width;      /* bits that the operand uses */
    uint8_t shift;      /* 8 for %ah and its like */
    bool is_signed;     /* an index that is extended by its sign */
};

struct lbpf_usdt_argument {
    const char *text; /* lent from the whole */
    size_t text_size;
    int size; /* bytes: 1, 2, 4 or 8; 0 when not even that is known */
    bool is_signed;
    enum lbpf_usdt_place place;
    struct lbpf_usdt_register base, index;
    int scale;
    int64_t offset;
    const char *symbol; /* lent from text; NULL: none */
    size_t symbol_size;
    bool low_bits_only; /* of the symbol's address, the 12 bits that tell the place in a page */
    char refused[128];  /* why it can't be read; "" when it can */
};

/*
 * Takes the next argument off *text; false at its end. machine is the ELF header's (EM_X86_64, …).
 * What can't be read is refused with a reason, and those behind it are still read: their numbers
 * don't change.
 */
bool lbpf_usdt_argument_next(const char **text, unsigned machine,
                             struct lbpf_usdt_argument *argument);

/* The C type of its value ("int32_t"). */
const char *lbpf_usdt_argument_type(const struct lbpf_usdt_argument *argument);

#endif
