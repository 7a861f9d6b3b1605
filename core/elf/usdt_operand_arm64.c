/* Operands of aarch64: 7, x3, w3, [sp, 16], [x1, x2, lsl 3], [x0, #:lo12:symbol]. */
#include "elf/usdt_operand.h"

#include <string.h>

static const char *const members[] = {
    "regs[0]",  "regs[1]",  "regs[2]",  "regs[3]",  "regs[4]",  "regs[5]",  "regs[6]",  "regs[7]",
    "regs[8]",  "regs[9]",  "regs[10]", "regs[11]", "regs[12]", "regs[13]", "regs[14]", "regs[15]",
    "regs[16]", "regs[17]", "regs[18]", "regs[19]", "regs[20]", "regs[21]", "regs[22]", "regs[23]",
    "regs[24]", "regs[25]", "regs[26]", "regs[27]", "regs[28]", "regs[29]", "regs[30]",
};

static const struct {
    const char *name, *member;
    uint8_t width;
} others[] = {
    {"sp", "sp", 64}, {"wsp", "sp", 32},       {"x31", "sp", 64},       {"w31", "sp", 32},
    {"xzr", "", 64},  {"wzr", "", 32},         {"fp", "regs[29]", 64},  {"lr", "regs[30]", 64},
    {"pc", "pc", 64}, {"ip0", "regs[16]", 64}, {"ip1", "regs[17]", 64},
};

/* The number behind a register's letter, or -1. */
static int number_of(const char *text, size_t size)
{
    int number = 0;

    if (size < 2 || size > 3 || (text[1] == '0' && size == 3))
        return -1;
    for (size_t i = 1; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

static bool find_register(const char *text, size_t size, struct lbpf_usdt_register *found)
{
    int number = number_of(text, size);

    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strlen(others[i].name) == size && memcmp(others[i].name, text, size) == 0) {
            found->member = others[i].member;
            found->width = others[i].width;
            return true;
        }
    if (number < 0 || number > 30 || (text[0] != 'x' && text[0] != 'w'))
        return false;
    found->member = members[number];
    found->width = text[0] == 'x' ? 64 : 32;
    return true;
}

/* v0.4s, q1, d2, s3, h4, b5, z6 */
static bool is_vector(const char *text, size_t size)
{
    const char *dot = memchr(text, '.', size);
    int number = number_of(text, dot ? (size_t)(dot - text) : size);

    return size > 1 && strchr("vqdshbz", text[0]) && number >= 0 && number < 32;
}

static bool read_register(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument,
                          struct lbpf_usdt_register *found)
{
    size_t size = lbpf_usdt_word(operand);

    if (find_register(operand->at, size, found)) {
        operand->at += size;
        return true;
    }
    if (is_vector(operand->at, size))
        return lbpf_usdt_refuse(
            argument, "it lies in %.*s: a probe can't see floating-point and vector registers",
            (int)size, operand->at);
    return lbpf_usdt_refuse(argument, "it lies in %.*s, which is no register that a probe sees",
                            (int)size, operand->at);
}

/* Takes a whole word. */
static bool take_word(struct lbpf_usdt_operand *operand, const char *word)
{
    size_t size = lbpf_usdt_word(operand);

    if (size != strlen(word) || memcmp(operand->at, word, size) != 0)
        return false;
    operand->at += size;
    return true;
}

/* ", lsl 3" or ", sxtw 2" or ", uxtw" behind an index. */
static bool read_extension(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    bool is_shift = take_word(operand, "lsl");

    if (take_word(operand, "sxtw") || take_word(operand, "sxtx"))
        argument->index.is_signed = true;
    else if (!is_shift && !take_word(operand, "uxtw") && !take_word(operand, "uxtx"))
        return lbpf_usdt_refuse(argument, "its index is extended in an unknown way: %.*s",
                                (int)(operand->end - operand->at), operand->at);
    lbpf_usdt_skip_blanks(operand);
    lbpf_usdt_take(operand, '#');
    if (operand->at < operand->end && *operand->at >= '0' && *operand->at <= '4')
        argument->scale = 1 << (*operand->at++ - '0');
    else if (is_shift || *operand->at != ']')
        return lbpf_usdt_refuse(argument, "its index is shifted by an unknown number of bits");
    return true;
}

static bool read_index(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    argument->scale = 1;
    if (!read_register(operand, argument, &argument->index))
        return false;
    lbpf_usdt_skip_blanks(operand);
    if (!lbpf_usdt_take(operand, ','))
        return true;
    lbpf_usdt_skip_blanks(operand);
    return read_extension(operand, argument);
}

static bool read_offset(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    static const char low[] = ":lo12:";
    size_t size = sizeof low - 1;

    lbpf_usdt_take(operand, '#');
    if ((size_t)(operand->end - operand->at) > size && memcmp(operand->at, low, size) == 0) {
        operand->at += size;
        argument->low_bits_only = true;
        return lbpf_usdt_sum(operand, argument);
    }
    if (operand->at < operand->end && (*operand->at == '-' || *operand->at == '+' ||
                                       (*operand->at >= '0' && *operand->at <= '9')))
        return lbpf_usdt_sum(operand, argument);
    return read_index(operand, argument);
}

static bool read_memory(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    argument->place = LBPF_USDT_MEMORY;
    lbpf_usdt_skip_blanks(operand);
    if (!read_register(operand, argument, &argument->base))
        return false;
    if (argument->base.width != 64)
        return lbpf_usdt_refuse(argument, "its address lies in a register of %u bits",
                                argument->base.width);
    lbpf_usdt_skip_blanks(operand);
    if (lbpf_usdt_take(operand, ',')) {
        lbpf_usdt_skip_blanks(operand);
        if (!read_offset(operand, argument))
            return false;
        lbpf_usdt_skip_blanks(operand);
    }
    if (!lbpf_usdt_take(operand, ']'))
        return lbpf_usdt_refuse(argument, "a bracket is missing in its operand: %.*s",
                                (int)argument->text_size, argument->text);
    return true;
}

static bool is_register(const struct lbpf_usdt_operand *operand)
{
    struct lbpf_usdt_register ignored;
    size_t size = lbpf_usdt_word(operand);

    return find_register(operand->at, size, &ignored) || is_vector(operand->at, size);
}

bool lbpf_usdt_operand_arm64(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    if (lbpf_usdt_take(operand, '['))
        return read_memory(operand, argument);
    if (is_register(operand)) {
        argument->place = LBPF_USDT_REGISTER;
        return read_register(operand, argument, &argument->base);
    }
    lbpf_usdt_take(operand, '#');
    if (!lbpf_usdt_sum(operand, argument))
        return false;
    argument->place = argument->symbol ? LBPF_USDT_ADDRESS : LBPF_USDT_CONSTANT;
    return true;
}
