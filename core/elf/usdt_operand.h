/* The operand notations of the machines, and what they share. Private to usdt_*.c. */
#ifndef LBPF_ELF_USDT_OPERAND_H
#define LBPF_ELF_USDT_OPERAND_H

#include "base/error.h"
#include "elf/usdt_argument.h"

/* The part of the text that is not read yet. */
struct lbpf_usdt_operand {
    const char *at, *end;
};

/* Reads an operand into argument, and its size too where the operand alone tells it. False after
 * refusing. */
bool lbpf_usdt_operand_x86(struct lbpf_usdt_operand *operand, bool is_32,
                           struct lbpf_usdt_argument *argument);
bool lbpf_usdt_operand_arm64(struct lbpf_usdt_operand *operand,
                             struct lbpf_usdt_argument *argument);

/* Notes the reason; false. */
bool lbpf_usdt_refuse(struct lbpf_usdt_argument *argument, const char *format, ...)
    LBPF_PRINTF(2, 3);

bool lbpf_usdt_take(struct lbpf_usdt_operand *operand, char c);
void lbpf_usdt_skip_blanks(struct lbpf_usdt_operand *operand);
/* How many characters of a name (register, symbol, extension) come next. */
size_t lbpf_usdt_word(const struct lbpf_usdt_operand *operand);
/* Numbers and at most one symbol, added up: "-8+16", "table+4". */
bool lbpf_usdt_sum(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument);

#endif
