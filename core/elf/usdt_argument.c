/*
 * Taking the argument strings of USDT notes apart. What differs between machines is the operand;
 * the size before it ("-4@") and the blanks between arguments are the same everywhere. On aarch64
 * an operand may hold blanks itself: "8@[sp, 16]".
 */
#include "elf/usdt_argument.h"

#include "elf/usdt_operand.h"

#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool lbpf_usdt_refuse(struct lbpf_usdt_argument *argument, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(argument->refused, sizeof argument->refused, format, values);
    va_end(values);
    /* The file is anybody's, and the reason goes into messages and into C text. */
    for (char *at = argument->refused; *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\')
            *at = '?';
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The end of the argument at text: a blank outside of brackets. */
static const char *find_end(const char *text)
{
    int depth = 0;

    for (; *text; text++) {
        if (*text == '[' || *text == '(')
            depth++;
        else if ((*text == ']' || *text == ')') && depth > 0)
            depth--;
        else if (is_blank(*text) && depth == 0)
            break;
    }
    return text;
}

/* "-4@": 4 signed bytes. Without it, x86 operands tell the size by the register. */
static bool read_size(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    const char *at = operand->at;
    int size = 0, digits = 0;
    char kind = 0;

    if (at < operand->end && *at == '-')
        at++;
    for (; at < operand->end && *at >= '0' && *at <= '9' && digits < 3; at++, digits++)
        size = size * 10 + (*at - '0');
    if (at < operand->end && (*at == 'f' || *at == 'F'))
        kind = *at++;
    if (digits == 0 || at == operand->end || *at != '@')
        return true; /* no size at all */
    argument->is_signed = operand->at[0] == '-';
    operand->at = at + 1;
    if (kind)
        return lbpf_usdt_refuse(argument, "it is a floating-point number, which no program reads");
    if (size != 1 && size != 2 && size != 4 && size != 8)
        return lbpf_usdt_refuse(argument, "it has %d bytes, not 1, 2, 4 or 8", size);
    argument->size = size;
    return true;
}

static bool read_operand(struct lbpf_usdt_operand *operand, unsigned machine,
                         struct lbpf_usdt_argument *argument)
{
    bool good;

    if (machine == EM_X86_64 || machine == EM_386)
        good = lbpf_usdt_operand_x86(operand, machine == EM_386, argument);
    else if (machine == EM_AARCH64)
        good = lbpf_usdt_operand_arm64(operand, argument);
    else
        return lbpf_usdt_refuse(argument, "operands of this machine (%u) are not known", machine);
    if (!good)
        return false;
    if (operand->at != operand->end)
        return lbpf_usdt_refuse(argument, "it has something behind its operand: %.*s",
                                (int)(operand->end - operand->at), operand->at);
    if (argument->size == 0)
        return lbpf_usdt_refuse(argument, "it does not tell its size");
    return true;
}

bool lbpf_usdt_argument_next(const char **text, unsigned machine,
                             struct lbpf_usdt_argument *argument)
{
    struct lbpf_usdt_operand operand;

    memset(argument, 0, sizeof *argument);
    while (is_blank(**text))
        ++*text;
    if (!**text)
        return false;
    operand.at = *text;
    operand.end = find_end(*text);
    argument->text = *text;
    argument->text_size = (size_t)(operand.end - operand.at);
    *text = operand.end;
    if (read_size(&operand, argument))
        read_operand(&operand, machine, argument);
    return true;
}

const char *lbpf_usdt_argument_type(const struct lbpf_usdt_argument *argument)
{
    static const char *const names[2][9] = {
        {[1] = "uint8_t", [2] = "uint16_t", [4] = "uint32_t", [8] = "uint64_t"},
        {[1] = "int8_t", [2] = "int16_t", [4] = "int32_t", [8] = "int64_t"},
    };

    return argument->size ? names[argument->is_signed][argument->size] : "";
}

/* --- what the machines share ------------------------------------------------------------------ */

bool lbpf_usdt_take(struct lbpf_usdt_operand *operand, char c)
{
    if (operand->at == operand->end || *operand->at != c)
        return false;
    operand->at++;
    return true;
}

void lbpf_usdt_skip_blanks(struct lbpf_usdt_operand *operand)
{
    while (operand->at < operand->end && is_blank(*operand->at))
        operand->at++;
}

size_t lbpf_usdt_word(const struct lbpf_usdt_operand *operand)
{
    size_t size = 0;

    while (operand->at + size < operand->end) {
        char c = operand->at[size];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '.' || c == '$'))
            break;
        size++;
    }
    return size;
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* As the assembler reads it: 0x is hexadecimal, 0 octal. */
static bool read_number(struct lbpf_usdt_operand *operand, uint64_t *value)
{
    int base = 10, digits = 0;

    *value = 0;
    if (lbpf_usdt_take(operand, '0')) {
        base = 8;
        digits = 1;
        if (lbpf_usdt_take(operand, 'x') || lbpf_usdt_take(operand, 'X')) {
            base = 16;
            digits = 0;
        }
    }
    for (; operand->at < operand->end && digit_of(*operand->at) < base; operand->at++, digits++) {
        uint64_t digit = (uint64_t)digit_of(*operand->at);

        if (*value > (UINT64_MAX - digit) / (uint64_t)base)
            return false;
        *value = *value * (uint64_t)base + digit;
    }
    return digits > 0;
}

static bool read_symbol(struct lbpf_usdt_operand *operand, bool negative,
                        struct lbpf_usdt_argument *argument)
{
    size_t size = lbpf_usdt_word(operand);

    if (size == 0)
        return lbpf_usdt_refuse(argument, "its operand is not understood: %.*s",
                                (int)argument->text_size, argument->text);
    if (argument->symbol || negative)
        return lbpf_usdt_refuse(argument, "it computes with several symbols");
    argument->symbol = operand->at;
    argument->symbol_size = size;
    operand->at += size;
    if (operand->at < operand->end && *operand->at == '@')
        return lbpf_usdt_refuse(argument, "it goes through a table of the linker (%.*s)",
                                (int)(operand->end - operand->at), operand->at);
    return true;
}

bool lbpf_usdt_sum(struct lbpf_usdt_operand *operand, struct lbpf_usdt_argument *argument)
{
    uint64_t sum = 0, value;
    bool negative = false;

    for (;;) {
        while (operand->at < operand->end && (*operand->at == '-' || *operand->at == '+'))
            negative ^= *operand->at++ == '-';
        if (operand->at < operand->end && *operand->at >= '0' && *operand->at <= '9') {
            if (!read_number(operand, &value))
                return lbpf_usdt_refuse(argument, "it holds a number that is not understood: %.*s",
                                        (int)argument->text_size, argument->text);
            sum = negative ? sum - value : sum + value;
        } else if (!read_symbol(operand, negative, argument)) {
            return false;
        }
        if (operand->at == operand->end || (*operand->at != '-' && *operand->at != '+'))
            break;
        negative = false;
    }
    argument->offset = (int64_t)sum;
    return true;
}
