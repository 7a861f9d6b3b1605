#include "base/architecture.h"

#include <elf.h>
#include <string.h>

enum { X86_64, ARM64, COUNT };

static const struct lbpf_architecture architectures[COUNT] = {
    [X86_64] =
        {
            .name = "x86-64",
            .machine = "x86_64",
            .target = "x86",
            .option = "CONFIG_X86_64",
            .elf_machine = EM_X86_64,
            .elf_machine_32 = EM_386,
            .wrapped_since = 4 << 8 | 17,
            .syscall_prefix = "__x64_sys_",
            .registers = "struct pt_regs { unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, "
                         "r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss; };\n",
            .instruction_pointer = "ip",
            .argument_count = 6,
            .arguments = {112, 104, 96, 88, 72, 64}, /* di si dx cx r8 r9 */
            .result = 80,                            /* ax */
            .library_folder = "x86_64-linux-gnu",
            .library_flags = 0x0300,
        },
    [ARM64] =
        {
            .name = "arm64",
            .machine = "aarch64",
            .target = "arm64",
            .option = "CONFIG_ARM64",
            .elf_machine = EM_AARCH64,
            .elf_machine_32 = -1,
            .wrapped_since = 4 << 8 | 19,
            .syscall_prefix = "__arm64_sys_",
            .registers = "struct pt_regs { unsigned long regs[31], sp, pc, pstate, orig_x0; };\n",
            .instruction_pointer = "pc",
            .argument_count = 8,
            .arguments = {0, 8, 16, 24, 32, 40, 48, 56}, /* x0 … x7 */
            .result = 0,
            .library_folder = "aarch64-linux-gnu",
            .library_flags = 0x0a00,
        },
};

const struct lbpf_architecture *lbpf_architecture_own(void)
{
#if defined(__x86_64__)
    return &architectures[X86_64];
#elif defined(__aarch64__)
    return &architectures[ARM64];
#else
#error "add a row for this machine, and a file to compile/prelude/include/lbpf/arch"
#endif
}

const struct lbpf_architecture *lbpf_architecture_find(const char *name)
{
    for (size_t i = 0; i < COUNT; i++)
        if (!strcmp(name, architectures[i].name) || !strcmp(name, architectures[i].machine) ||
            !strcmp(name, architectures[i].target))
            return &architectures[i];
    return NULL;
}

const char *lbpf_architecture_names(void)
{
    return "x86-64 (x86_64) and arm64 (aarch64)";
}

/* The C library looked when the process began. The compiler's own way to ask looks anew in every
 * process that loads us, which takes a virtual machine long. */
#if defined(__x86_64__) && __has_include(<sys/platform/x86.h>)
#include <sys/platform/x86.h>
#define HAS(feature) CPU_FEATURE_ACTIVE(feature)

static unsigned own_level(void)
{
    if (!HAS(CMPXCHG16B) || !HAS(LAHF64_SAHF64) || !HAS(POPCNT) || !HAS(SSE3) || !HAS(SSSE3) ||
        !HAS(SSE4_1) || !HAS(SSE4_2))
        return 1;
    if (!HAS(AVX) || !HAS(AVX2) || !HAS(BMI1) || !HAS(BMI2) || !HAS(F16C) || !HAS(FMA) ||
        !HAS(LZCNT) || !HAS(MOVBE))
        return 2;
    if (!HAS(AVX512F) || !HAS(AVX512BW) || !HAS(AVX512CD) || !HAS(AVX512DQ) || !HAS(AVX512VL))
        return 3;
    return 4;
}
#else /* a C library without such variants */
static unsigned own_level(void)
{
    return 1;
}
#endif

unsigned lbpf_architecture_level(const char *variant)
{
    static const char prefix[] = "x86-64-v";
    unsigned level;

    if (strncmp(variant, prefix, sizeof prefix - 1) != 0 || strlen(variant) != sizeof prefix)
        return 0;
    level = (unsigned)(variant[sizeof prefix - 1] - '0');
    return level >= 2 && level <= own_level() ? level : 0;
}
