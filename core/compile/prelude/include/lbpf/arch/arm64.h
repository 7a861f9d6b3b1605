/* What programs need to know of arm64. */
#ifndef LBPF_ARCH_ARM64_H
#define LBPF_ARCH_ARM64_H

/* For the compiler's plugin, which removes it: where a function's first six arguments lie in
 * struct pt_regs, then a system call's. */
const unsigned lbpf_argument_places[2][6] = {{0, 8, 16, 24, 32, 40}, {0, 8, 16, 24, 32, 40}};

LBPF_MACHINE("arm64");

#define LBPF_PAGE_SHIFT            12
#define PT_REGS_PARM1(ctx)         ((ctx)->regs[0])
#define PT_REGS_PARM2(ctx)         ((ctx)->regs[1])
#define PT_REGS_PARM3(ctx)         ((ctx)->regs[2])
#define PT_REGS_PARM4(ctx)         ((ctx)->regs[3])
#define PT_REGS_PARM5(ctx)         ((ctx)->regs[4])
#define PT_REGS_PARM6(ctx)         ((ctx)->regs[5])
#define PT_REGS_RET(ctx)           ((ctx)->regs[30])
#define PT_REGS_FP(ctx)            ((ctx)->regs[29])
#define PT_REGS_RC(ctx)            ((ctx)->regs[0])
#define PT_REGS_IP(ctx)            ((ctx)->pc)
#define PT_REGS_SP(ctx)            ((ctx)->sp)
#define PT_REGS_PARM1_SYSCALL(ctx) ((ctx)->orig_x0)
#define PT_REGS_PARM4_SYSCALL(ctx) PT_REGS_PARM4(ctx)

#endif
