/* Operands of x86 in AT&T notation: $7, %eax, -8(%rbp,%rax,4), symbol+4(%rip). */
#include "elf/usdt_operand.h"

#include <stdio.h>
#include <string.h>

/* The names of one register by width; NULL where there is none. */
static const struct family {
    const char *member, *wide, *half, *word, *byte, *high;
} families[] = {
    {"ax", "rax", "eax", "ax", "al", "ah"},       {"bx", "rbx", "ebx", "bx", "bl", "bh"},
    {"cx", "rcx", "ecx", "cx", "cl", "ch"},       {"dx", "rdx", "edx", "dx", "dl", "dh"},
    {"si", "rsi", "esi", "si", "sil", NULL},      {"di", "rdi", "edi", "di", "dil", NULL},
    {"bp", "rbp", "ebp", "bp", "bpl", NULL},      {"sp", "rsp", "esp", "sp", "spl", NULL},
    {"ip", "rip", "eip", "ip", NULL, NULL},       {"r8", "r8", "r8d", "r8w", "r8b", NULL},
    {"r9", "r9", "r9d", "r9w", "r9b", NULL},      {"r10", "r10", "r10d", "r10w", "r10b", NULL},
    {"r11", "r11", "r11d", "r11w", "r11b", NULL}, {"r12", "r12", "r12d", "r12w", "r12b", NULL},
    {"r13", "r13", "r13d", "r13w", "r13b", NULL}, {"r14", "r14", "r14d", "r14w", "r14b", NULL},
    {"r15", "r15", "r15d", "r15w", "r15b", NULL},
};

static bool is_name(const char *name, const char *text, size_t size)
{
    return name && strlen(name) == size && memcmp(name, text, size) == 0;
}

static bool find_register(const char *text, size_t size, struct lbpf_usdt_register *found)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        const struct family *family = &families[i];
        unsigned width = is_name(family->wide, text, size)   ? 64
                         : is_name(family->half, text, size) ? 32
                         : is_name(family->word, text, size) ? 16
                         : is_name(family->byte, text, size) ? 8
                                                             : 0;
        bool is_high = is_name(family->high, text, size);

        if (width == 0 && !is_high)
            continue;
        found->member = family->member;
        found->width = (uint8_t)(is_high ? 8 : width);
        found->shift = is_high ? 8 : 0;
        return true;
    }
    return false;
}

/* "%eax", for the end of a sentence. */
static bool refuse_register(struct lbpf_usdt_argument *argument, const char *text, size_t size)
{
    static const char *const floating[] = {"xmm", "ymm", "zmm", "mm", "st"};

    for (size_t i = 0; i < sizeof floating / sizeof *floating; i++)
        if (size >= strlen(floating[i]) && memcmp(text, floating[i], strlen(floating[i])) == 0)
            return lbpf_usdt_refuse(argument,
                                    "it lies in %%%.*s: a probe can't see floating-point and "
                                    "vector registers",
                                    (int)size, text);
    if (size == 2 && text[1] == 's')
        return lbpf_usdt_refuse(argument,
                                "it lies in segment %%%.*s (thread-local memory), whose address a "
                                "probe can't see",
                                (int)size, text);
    return lbpf_usdt_refuse(argument, "it lies in %%%.*s, which is no register that a probe sees",
                            (int)size, text);
}

static bool read_register(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument,
                          struct lbpf_usdt_register *found)
{
    size_t size;

    if (!lbpf_usdt_take(operand, '%'))
        return lbpf_usdt_refuse(argument, "a register is missing in its operand: %.*s",
                                (int)argument->text_size, argument->text);
    size = lbpf_usdt_word(operand);
    if (!find_register(operand->at, size, found))
        return refuse_register(argument, operand->at, size);
    operand->at += size;
    return true;
}

static bool read_scale(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    char c = operand->at < operand->end ? *operand->at++ : '\0';

    if (c != '1' && c != '2' && c != '4' && c != '8')
        return lbpf_usdt_refuse(argument, "its scale is not 1, 2, 4 or 8");
    argument->scale = c - '0';
    return true;
}

/* "(%base,%index,scale)", of which only the base, or only the index, may be there. */
static bool read_brackets(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    if (operand->at < operand->end && *operand->at != ',' &&
        !read_register(operand, argument, &argument->base))
        return false;
    if (lbpf_usdt_take(operand, ',')) {
        if (!read_register(operand, argument, &argument->index))
            return false;
        argument->scale = 1;
        if (lbpf_usdt_take(operand, ',') && !read_scale(operand, argument))
            return false;
    }
    if (!lbpf_usdt_take(operand, ')'))
        return lbpf_usdt_refuse(argument, "a bracket is missing in its operand: %.*s",
                                (int)argument->text_size, argument->text);
    return true;
}

static bool check_memory(struct lbpf_usdt_argument *argument, bool is_32)
{
    const struct lbpf_usdt_register *both[] = {&argument->base, &argument->index};

    for (int i = 0; i < 2; i++)
        if (both[i]->member && both[i]->width != 32 && (is_32 || both[i]->width != 64))
            return lbpf_usdt_refuse(argument, "its address lies in a register of %u bits",
                                    both[i]->width);
    if (argument->base.member && strcmp(argument->base.member, "ip") == 0) {
        if (!argument->symbol || argument->index.member)
            return lbpf_usdt_refuse(argument,
                                    "its address is relative to an instruction that is not known");
        argument->base.member = NULL; /* the notation's way to say: the symbol, wherever it is */
    }
    return true;
}

bool lbpf_usdt_operand_x86(struct lbpf_usdt_operand *operand, bool is_32,
                           struct lbpf_usdt_argument *argument)
{
    if (lbpf_usdt_take(operand, '$')) {
        argument->place = LBPF_USDT_CONSTANT;
        if (!lbpf_usdt_sum(operand, argument))
            return false;
        if (argument->symbol)
            argument->place = LBPF_USDT_ADDRESS;
        if (argument->size == 0) {
            argument->size = is_32 ? 4 : 8;
            argument->is_signed = true;
        }
        return true;
    }
    if (operand->at < operand->end && *operand->at == '%') {
        argument->place = LBPF_USDT_REGISTER;
        if (!read_register(operand, argument, &argument->base))
            return false;
        if (argument->size == 0)
            argument->size = argument->base.width / 8;
        return true;
    }
    argument->place = LBPF_USDT_MEMORY;
    if (argument->size == 0)
        argument->size = is_32 ? 4 : 8;
    if (operand->at < operand->end && *operand->at != '(' && !lbpf_usdt_sum(operand, argument))
        return false;
    if (lbpf_usdt_take(operand, '(') && !read_brackets(operand, argument))
        return false;
    return check_memory(argument, is_32);
}
