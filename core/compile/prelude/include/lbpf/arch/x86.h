/* What programs need to know of x86-64. */
#ifndef LBPF_ARCH_X86_H
#define LBPF_ARCH_X86_H

/* For the compiler's plugin, which removes it: where a function's first six arguments lie in
 * struct pt_regs, then a system call's. */
const unsigned lbpf_argument_places[2][6] = {{112, 104, 96, 88, 72, 64},
                                             {112, 104, 96, 56, 72, 64}};

LBPF_MACHINE("x86-64");

#define LBPF_PAGE_SHIFT            12
#define PT_REGS_PARM1(ctx)         ((ctx)->di)
#define PT_REGS_PARM2(ctx)         ((ctx)->si)
#define PT_REGS_PARM3(ctx)         ((ctx)->dx)
#define PT_REGS_PARM4(ctx)         ((ctx)->cx)
#define PT_REGS_PARM5(ctx)         ((ctx)->r8)
#define PT_REGS_PARM6(ctx)         ((ctx)->r9)
#define PT_REGS_RET(ctx)           ((ctx)->sp)
#define PT_REGS_FP(ctx)            ((ctx)->bp)
#define PT_REGS_RC(ctx)            ((ctx)->ax)
#define PT_REGS_IP(ctx)            ((ctx)->ip)
#define PT_REGS_SP(ctx)            ((ctx)->sp)
#define PT_REGS_PARM1_SYSCALL(ctx) PT_REGS_PARM1(ctx)
#define PT_REGS_PARM4_SYSCALL(ctx) ((ctx)->r10)
/* Where the direct map starts without KASLR; with it the kernel keeps the real base in
 * page_offset_base. */
#define LBPF_PAGE_OFFSET 0xffff888000000000UL
#define LBPF_THREAD_SIZE (PAGE_SIZE << 2)

#endif
