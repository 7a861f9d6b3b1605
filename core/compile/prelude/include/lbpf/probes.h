/* Declaring programs, and reading what a probe was given. */
#ifndef LBPF_PROBES_H
#define LBPF_PROBES_H

#define TRACEPOINT_PROBE(category, event)                                                          \
    int tracepoint__##category##__##event(struct tracepoint__##category##__##event *args)
#define RAW_TRACEPOINT_PROBE(event)                                                                \
    int raw_tracepoint__##event(struct bpf_raw_tracepoint_args *ctx)

/* A tracepoint's dynamic strings: offset in the low, length in the high 16 bits. */
#define TP_DATA_LOC_READ_CONST(to, field, size)                                                    \
    bpf_probe_read((void *)(to), (size), (char *)args + (args->data_loc_##field & 0xffff))
#define TP_DATA_LOC_READ(to, field)                                                                \
    bpf_probe_read((void *)(to), args->data_loc_##field >> 16,                                     \
                   (char *)args + (args->data_loc_##field & 0xffff))
#define TP_DATA_LOC_READ_STR(to, field, size)                                                      \
    bpf_probe_read_str((void *)(to), (size), (char *)args + (args->data_loc_##field & 0xffff))

#if defined(__TARGET_ARCH_x86)
#define LBPF_PAGE_SHIFT 12
#define PT_REGS_PARM1(ctx) ((ctx)->di)
#define PT_REGS_PARM2(ctx) ((ctx)->si)
#define PT_REGS_PARM3(ctx) ((ctx)->dx)
#define PT_REGS_PARM4(ctx) ((ctx)->cx)
#define PT_REGS_PARM5(ctx) ((ctx)->r8)
#define PT_REGS_PARM6(ctx) ((ctx)->r9)
#define PT_REGS_RET(ctx) ((ctx)->sp)
#define PT_REGS_FP(ctx) ((ctx)->bp)
#define PT_REGS_RC(ctx) ((ctx)->ax)
#define PT_REGS_IP(ctx) ((ctx)->ip)
#define PT_REGS_SP(ctx) ((ctx)->sp)
#define PT_REGS_PARM1_SYSCALL(ctx) PT_REGS_PARM1(ctx)
#define PT_REGS_PARM4_SYSCALL(ctx) ((ctx)->r10)
#elif defined(__TARGET_ARCH_arm64)
#define LBPF_PAGE_SHIFT 12
#define PT_REGS_PARM1(ctx) ((ctx)->regs[0])
#define PT_REGS_PARM2(ctx) ((ctx)->regs[1])
#define PT_REGS_PARM3(ctx) ((ctx)->regs[2])
#define PT_REGS_PARM4(ctx) ((ctx)->regs[3])
#define PT_REGS_PARM5(ctx) ((ctx)->regs[4])
#define PT_REGS_PARM6(ctx) ((ctx)->regs[5])
#define PT_REGS_RET(ctx) ((ctx)->regs[30])
#define PT_REGS_FP(ctx) ((ctx)->regs[29])
#define PT_REGS_RC(ctx) ((ctx)->regs[0])
#define PT_REGS_IP(ctx) ((ctx)->pc)
#define PT_REGS_SP(ctx) ((ctx)->sp)
#define PT_REGS_PARM1_SYSCALL(ctx) ((ctx)->orig_x0)
#define PT_REGS_PARM4_SYSCALL(ctx) PT_REGS_PARM4(ctx)
#else
#error "this architecture is not supported yet"
#endif
#define PT_REGS_PARM2_SYSCALL(ctx) PT_REGS_PARM2(ctx)
#define PT_REGS_PARM3_SYSCALL(ctx) PT_REGS_PARM3(ctx)
#define PT_REGS_PARM5_SYSCALL(ctx) PT_REGS_PARM5(ctx)
#define PT_REGS_PARM6_SYSCALL(ctx) PT_REGS_PARM6(ctx)
/* The registers of the caller, out of those of a system call's wrapper. */
#define PT_REGS_SYSCALL_CTX(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#define LBPF_PAGE_SIZE (1u << LBPF_PAGE_SHIFT)

#endif
