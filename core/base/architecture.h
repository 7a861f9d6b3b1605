/*
 * All that depends on the processor, but for what its instructions mean: one row for each that is
 * supported, so that programs can be compiled for the others, too. What compiled programs need of
 * it is in compile/prelude/include/lbpf/arch/.
 */
#ifndef LBPF_BASE_ARCHITECTURE_H
#define LBPF_BASE_ARCHITECTURE_H

#include <stddef.h>

enum { LBPF_ARGUMENT_REGISTERS = 8 };

struct lbpf_architecture {
    const char *name;    /* as people write it */
    const char *machine; /* as `uname -m` does */
    const char *target;  /* as __TARGET_ARCH_… does */
    const char *option;  /* CONFIG_… that is on */
    int elf_machine, elf_machine_32;
    unsigned wrapped_since;     /* major << 8 | minor: system calls take one struct pt_regs */
    const char *syscall_prefix; /* of their functions then */
    /* The kernel's struct pt_regs: as C, and where arguments and results lie in it. */
    const char *registers;
    const char *instruction_pointer;
    unsigned argument_count;
    size_t arguments[LBPF_ARGUMENT_REGISTERS], result;
    const char *library_folder; /* below /lib and /usr/lib, in Debian's way */
    unsigned library_flags;     /* of its libraries in ld.so.cache */
};

/* The one that this is compiled for. */
const struct lbpf_architecture *lbpf_architecture_own(void);
/* By name, machine or target; NULL when it is not supported. */
const struct lbpf_architecture *lbpf_architecture_find(const char *name);
/* What lbpf_architecture_find takes, for messages. */
const char *lbpf_architecture_names(void);
/* The level of a folder below glibc-hwcaps ("x86-64-v3"); 0 for one that this processor can't run.
 */
unsigned lbpf_architecture_level(const char *variant);

#endif
