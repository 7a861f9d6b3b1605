/*
 * Sizes of x86-64 instructions. A probe in the middle of one makes the program run something else,
 * and the kernel can not see where instructions start; so they are counted from the start of the
 * function. What is not known here is not judged. (Intel's manual, volume 2, appendix A.)
 */
#include "elf/instruction.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

enum { LONGEST = 15, FUNCTION_LIMIT = 1024 * 1024 };

struct instruction {
    const uint8_t *bytes;
    size_t size;      /* bytes that are there */
    size_t at;        /* the next one */
    unsigned map;     /* 0: one byte, 1: 0F, 2: 0F38, 3: 0F3A, 5 and 6: EVEX only */
    bool is_short;    /* prefix 66: immediates of 2 bytes */
    bool is_wide;     /* REX.W */
    bool has_address; /* prefix 67 */
    bool is_vector;   /* VEX or EVEX */
};

static uint8_t byte_at(const struct instruction *in, size_t at)
{
    return at < in->size ? in->bytes[at] : 0;
}

static void skip_prefixes(struct instruction *in)
{
    for (; in->at < LONGEST; in->at++) {
        switch (byte_at(in, in->at)) {
        case 0x66:
            in->is_short = true;
            break;
        case 0x67:
            in->has_address = true;
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x64:
        case 0x65:
        case 0xf0:
        case 0xf2:
        case 0xf3:
            break;
        default:
            return;
        }
    }
}

/* What stands before the opcode and chooses its map. */
static void read_map(struct instruction *in)
{
    uint8_t first = byte_at(in, in->at), second = byte_at(in, in->at + 1);

    in->is_vector = first == 0xc4 || first == 0xc5 || first == 0x62;
    if (first == 0xc5) {
        in->map = 1;
        in->at += 2;
    } else if (in->is_vector) {
        in->map = second & (first == 0xc4 ? 0x1f : 0x07);
        in->at += first == 0xc4 ? 3 : 4;
    }
    if (in->is_vector)
        return;
    if ((first & 0xf0) == 0x40) {
        in->is_wide = first & 8;
        in->at++;
    }
    if (byte_at(in, in->at) != 0x0f)
        return;
    second = byte_at(in, in->at + 1);
    in->map = second == 0x38 ? 2 : second == 0x3a ? 3 : 1;
    in->at += in->map == 1 ? 1 : 2;
}

/* --- which operands an opcode has ---------------------------------------------------------- */

static bool has_modrm(const struct instruction *in, uint8_t opcode)
{
    if (in->map > 1)
        return true;
    if (in->map == 1)
        return !(opcode == 0x77 || (opcode >= 0x80 && opcode <= 0x8f && !in->is_vector) ||
                 (opcode >= 0x04 && opcode <= 0x0b) || opcode == 0x0e ||
                 (opcode >= 0x30 && opcode <= 0x37) || (opcode >= 0xa0 && opcode <= 0xa2) ||
                 (opcode >= 0xa8 && opcode <= 0xaa) || (opcode >= 0xc8 && opcode <= 0xcf));
    if (opcode < 0x40)
        return (opcode & 7) < 4;
    return opcode == 0x63 || opcode == 0x69 || opcode == 0x6b ||
           (opcode >= 0x80 && opcode <= 0x8f) || opcode == 0xc0 || opcode == 0xc1 ||
           opcode == 0xc6 || opcode == 0xc7 || (opcode >= 0xd0 && opcode <= 0xd3) ||
           (opcode >= 0xd8 && opcode <= 0xdf) || opcode == 0xf6 || opcode == 0xf7 || opcode >= 0xfe;
}

static size_t immediate_behind_0f(const struct instruction *in, uint8_t opcode)
{
    if (opcode >= 0x80 && opcode <= 0x8f && !in->is_vector)
        return 4;
    return (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xa4 || opcode == 0xac ||
           opcode == 0xba || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6) || opcode == 0x0f;
}

static size_t immediate_size(const struct instruction *in, uint8_t opcode, uint8_t modrm)
{
    size_t whole = in->is_short && !in->is_wide ? 2 : 4;

    if (in->map == 1)
        return immediate_behind_0f(in, opcode);
    if (in->map != 0)
        return in->map == 3;
    if (opcode < 0x40)
        return (opcode & 7) == 4 ? 1 : (opcode & 7) == 5 ? whole : 0;
    if (opcode >= 0xb8 && opcode <= 0xbf)
        return in->is_wide ? 8 : whole;
    if (opcode >= 0xa0 && opcode <= 0xa3)
        return in->has_address ? 4 : 8;
    if ((opcode >= 0x70 && opcode <= 0x7f) || (opcode >= 0xb0 && opcode <= 0xb7) ||
        (opcode >= 0xe0 && opcode <= 0xe7))
        return 1;
    switch (opcode) {
    case 0x6a:
    case 0x6b:
    case 0x80:
    case 0x83:
    case 0xa8:
    case 0xc0:
    case 0xc1:
    case 0xc6:
    case 0xcd:
    case 0xeb:
        return 1;
    case 0xc2:
    case 0xca:
        return 2;
    case 0xc8:
        return 3;
    case 0xe8:
    case 0xe9:
        return 4;
    case 0x68:
    case 0x69:
    case 0x81:
    case 0xa9:
    case 0xc7:
        return whole;
    case 0xf6:
        return (modrm & 0x38) < 0x10;
    case 0xf7:
        return (modrm & 0x38) < 0x10 ? whole : 0;
    default:
        return 0;
    }
}

/* The bytes of an address behind the ModRM byte. */
static size_t address_size(const struct instruction *in, uint8_t modrm)
{
    unsigned mode = modrm >> 6, base = modrm & 7;
    size_t size = 0;

    if (mode == 3)
        return 0;
    if (base == 4) {
        size = 1;
        base = byte_at(in, in->at + 1) & 7;
    }
    if (mode == 0)
        return size + (base == 5 ? 4 : 0);
    return size + (mode == 1 ? 1 : 4);
}

/* 0 for one that ends beyond size. */
static size_t instruction_size(const uint8_t *bytes, size_t size)
{
    struct instruction in = {.bytes = bytes, .size = size};
    uint8_t opcode, modrm = 0;
    bool with_modrm;

    skip_prefixes(&in);
    read_map(&in);
    opcode = byte_at(&in, in.at++);
    with_modrm = has_modrm(&in, opcode);
    if (with_modrm) {
        modrm = byte_at(&in, in.at);
        in.at += address_size(&in, modrm) + 1;
    }
    in.at += immediate_size(&in, opcode, modrm);
    return in.at <= size && in.at <= LONGEST ? in.at : 0;
}

/* --- the whole ----------------------------------------------------------------------------- */

static int walk(const uint8_t *code, size_t size, size_t wanted, uint64_t *before, uint64_t *behind)
{
    size_t at = 0;

    while (at < wanted) {
        size_t step = instruction_size(code + at, size - at);

        if (step == 0)
            return 0;
        *before = at;
        at += step;
        *behind = at;
    }
    return at == wanted ? 0 : -EINVAL;
}

int lbpf_elf_check_boundary(const struct lbpf_elf_file *file, uint64_t start, uint64_t offset,
                            uint64_t *before, uint64_t *behind)
{
    size_t size = (size_t)offset + LONGEST;
    uint8_t *code;
    ssize_t got;
    int result = 0;

    if (file->header.e_machine == EM_AARCH64) {
        *before = offset & ~(uint64_t)3;
        *behind = *before + 4;
        return offset % 4 == 0 ? 0 : -EINVAL;
    }
    if (file->header.e_machine != EM_X86_64 || offset == 0 || offset > FUNCTION_LIMIT)
        return 0;
    code = malloc(size);
    if (!code)
        return -ENOMEM;
    got = pread(file->fd, code, size, (off_t)start);
    if (got > 0)
        result = walk(code, (size_t)got, (size_t)offset, before, behind);
    free(code);
    return result;
}
