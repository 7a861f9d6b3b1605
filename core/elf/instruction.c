/*
 * When a program hits a user probe, the kernel decides by the opcode byte whether it can emulate
 * the instruction (push, conditional jumps, calls) or has to correct the instruction pointer after
 * a single step (returns, indirect jumps). It looks at that byte also when the instruction has a
 * VEX or EVEX prefix, where the same byte means something else (arch/x86/kernel/uprobes.c, seen up
 * to Linux 6.18): vpbroadcastb, 7A behind EVEX, is taken for a jump and never runs; vxorps, 57, is
 * taken for a push. The string functions of glibc begin with such instructions, so this is no rare
 * case.
 */
#include "elf/instruction.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

enum { LONGEST = 15, PASS_LIMIT = 4 };

/* A vector instruction, as far as it has to be known. */
struct vector {
    unsigned map; /* 1: 0F, 2: 0F38, 3: 0F3A */
    uint8_t opcode;
    uint8_t modrm;
    size_t prefix_size;
};

/* False for other instructions. In 64-bit code these prefixes mean nothing else. */
static bool decode(const uint8_t *bytes, size_t size, struct vector *vector)
{
    if (size < LONGEST)
        return false;
    switch (bytes[0]) {
    case 0xc5:
        vector->map = 1;
        vector->prefix_size = 2;
        break;
    case 0xc4:
        vector->map = bytes[1] & 0x1f;
        vector->prefix_size = 3;
        break;
    case 0x62:
        vector->map = bytes[1] & 0x07;
        vector->prefix_size = 4;
        break;
    default:
        return false;
    }
    vector->opcode = bytes[vector->prefix_size];
    vector->modrm = bytes[vector->prefix_size + 1];
    return true;
}

/* Whether the kernel takes the opcode for one of a scalar instruction that it treats specially. */
static bool is_mistaken(uint8_t opcode)
{
    if ((opcode >= 0x50 && opcode <= 0x57) || (opcode >= 0x70 && opcode <= 0x7f))
        return true; /* push, short conditional jumps */
    switch (opcode) {
    case 0x90: /* nop */
    case 0x9a: /* calls, jumps, returns */
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xe8:
    case 0xe9:
    case 0xea:
    case 0xeb:
    case 0xff:
    case 0x9d: /* popf */
        return true;
    default:
        return false;
    }
}

/* Whether the kernel takes the opcode for one that programs may not execute (in, out, cli, …) or
 * that 64-bit code does not have, and refuses the probe: vmovd, 6E, is outsb to it; vpxor, EF, is
 * out. */
static bool is_refused(uint8_t opcode)
{
    return (opcode >= 0x60 && opcode <= 0x62) || (opcode >= 0x6c && opcode <= 0x6f) ||
           (opcode >= 0xc4 && opcode <= 0xc5) || (opcode >= 0xcc && opcode <= 0xcf) ||
           (opcode >= 0xd4 && opcode <= 0xd6) || (opcode >= 0xe4 && opcode <= 0xe7) ||
           (opcode >= 0xec && opcode <= 0xef) || opcode == 0xf4 || opcode == 0xfa || opcode == 0xfb;
}

/* Those that change a general register, which may be one that carries an argument. */
static bool writes_general_register(const struct vector *vector)
{
    return vector->map == 1 && (vector->opcode == 0x50 || vector->opcode == 0x7e ||
                                vector->opcode == 0xc5 || vector->opcode == 0xd7);
}

/* The size of an instruction that only changes vector registers; 0 for others. */
static size_t register_size(const struct vector *vector)
{
    bool has_byte = vector->map == 3;

    if (vector->map == 1 && vector->opcode == 0x77)
        return vector->prefix_size + 1; /* vzeroupper has no operands */
    if (vector->map == 0 || vector->map > 3 || vector->modrm < 0xc0 ||
        writes_general_register(vector))
        return 0;
    if (vector->map == 1)
        has_byte = (vector->opcode >= 0x70 && vector->opcode <= 0x73) || vector->opcode == 0xc2 ||
                   (vector->opcode >= 0xc4 && vector->opcode <= 0xc6);
    return vector->prefix_size + 2 + has_byte;
}

int lbpf_elf_probe_offset(const struct lbpf_elf_file *file, uint64_t *offset)
{
    if (file->header.e_machine != EM_X86_64)
        return 0;
    for (int i = 0; i < PASS_LIMIT; i++) {
        uint8_t bytes[LONGEST];
        ssize_t got = pread(file->fd, bytes, sizeof bytes, (off_t)*offset);
        struct vector vector;
        size_t size;

        if (got < 0 || !decode(bytes, (size_t)got, &vector) ||
            !(is_mistaken(vector.opcode) || is_refused(vector.opcode)))
            return 0;
        size = register_size(&vector);
        if (size == 0) /* a refusal is the kernel's to make: another one may know better */
            return is_mistaken(vector.opcode) ? -EOPNOTSUPP : 0;
        *offset += size;
    }
    return -EOPNOTSUPP;
}
