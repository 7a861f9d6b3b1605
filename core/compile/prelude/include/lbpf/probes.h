/* Declaring programs, and reading what a probe was given. */
#ifndef LBPF_PROBES_H
#define LBPF_PROBES_H

#define TRACEPOINT_PROBE(category, event)                                                          \
    int tracepoint__##category##__##event(struct tracepoint__##category##__##event *args)
#define RAW_TRACEPOINT_PROBE(event) int raw_tracepoint__##event(struct bpf_raw_tracepoint_args *ctx)

/* BPF_PROG(name, typed arguments…): a program whose context is an array of 64-bit words, with a
 * body that sees them as arguments; at most 12. */
#define LBPF_WORDS_0()        ctx
#define LBPF_WORDS_1(x)       ctx, (void *)ctx[0]
#define LBPF_WORDS_2(x, ...)  LBPF_WORDS_1(__VA_ARGS__), (void *)ctx[1]
#define LBPF_WORDS_3(x, ...)  LBPF_WORDS_2(__VA_ARGS__), (void *)ctx[2]
#define LBPF_WORDS_4(x, ...)  LBPF_WORDS_3(__VA_ARGS__), (void *)ctx[3]
#define LBPF_WORDS_5(x, ...)  LBPF_WORDS_4(__VA_ARGS__), (void *)ctx[4]
#define LBPF_WORDS_6(x, ...)  LBPF_WORDS_5(__VA_ARGS__), (void *)ctx[5]
#define LBPF_WORDS_7(x, ...)  LBPF_WORDS_6(__VA_ARGS__), (void *)ctx[6]
#define LBPF_WORDS_8(x, ...)  LBPF_WORDS_7(__VA_ARGS__), (void *)ctx[7]
#define LBPF_WORDS_9(x, ...)  LBPF_WORDS_8(__VA_ARGS__), (void *)ctx[8]
#define LBPF_WORDS_10(x, ...) LBPF_WORDS_9(__VA_ARGS__), (void *)ctx[9]
#define LBPF_WORDS_11(x, ...) LBPF_WORDS_10(__VA_ARGS__), (void *)ctx[10]
#define LBPF_WORDS_12(x, ...) LBPF_WORDS_11(__VA_ARGS__), (void *)ctx[11]
#define LBPF_WORDS(...)                                                                            \
    LBPF_PICK(_, ##__VA_ARGS__, , , LBPF_WORDS_12, LBPF_WORDS_11, LBPF_WORDS_10, LBPF_WORDS_9,     \
              LBPF_WORDS_8, LBPF_WORDS_7, LBPF_WORDS_6, LBPF_WORDS_5, LBPF_WORDS_4, LBPF_WORDS_3,  \
              LBPF_WORDS_2, LBPF_WORDS_1, LBPF_WORDS_0, )                                          \
    (__VA_ARGS__)
/* Starts with `signed`, so that both BPF_PROG(…) and libbpf's `int BPF_PROG(…)` can be written. */
#define LBPF_PROGRAM(type, name, before, call, args...)                                            \
    signed name(type ctx);                                                                         \
    static __always_inline int name##__body(type ctx, ##args);                                     \
    int name(type ctx)                                                                             \
    {                                                                                              \
        before _Pragma("clang diagnostic push")                                                    \
            _Pragma("clang diagnostic ignored \"-Wint-conversion\"") return name##__body(call);    \
        _Pragma("clang diagnostic pop")                                                            \
    }                                                                                              \
    static __always_inline int name##__body(type ctx, ##args)
/* LBPF_WORDS stands for one argument only here: it brings commas. */
#define BPF_PROG(name, args...) LBPF_PROGRAM(unsigned long long *, name, , LBPF_WORDS(args), ##args)

#define KFUNC_PROBE(event, args...)                BPF_PROG(kfunc__vmlinux__##event, ##args)
#define KRETFUNC_PROBE(event, args...)             BPF_PROG(kretfunc__vmlinux__##event, ##args)
#define MODULE_KFUNC_PROBE(module, event, args...) BPF_PROG(kfunc__##module##__##event, ##args)
#define MODULE_KRETFUNC_PROBE(module, event, args...)                                              \
    BPF_PROG(kretfunc__##module##__##event, ##args)
#define KMOD_RET(event, args...)  BPF_PROG(kmod_ret__##event, ##args)
#define LSM_PROBE(event, args...) BPF_PROG(lsm__##event, ##args)
#define BPF_ITER(target)          int bpf_iter__##target(struct bpf_iter__##target *ctx)

/* A tracepoint's dynamic strings: offset in the low, length in the high 16 bits. */
#define TP_DATA_LOC_READ_CONST(to, field, size)                                                    \
    bpf_probe_read((void *)(to), (size), (char *)args + (args->data_loc_##field & 0xffff))
/* Bytes that fit behind `to`, as far as its type tells. */
#define LBPF_ROOM(to)                                                                              \
    (__builtin_types_compatible_p(typeof(to), typeof(&(to)[0])) ? __builtin_object_size(to, 1)     \
                                                                : sizeof(to))
#define TP_DATA_LOC_READ(to, field)                                                                \
    ({                                                                                             \
        __u32 lbpf_size = args->data_loc_##field >> 16;                                            \
        if (lbpf_size > LBPF_ROOM(to))                                                             \
            lbpf_size = LBPF_ROOM(to);                                                             \
        bpf_probe_read((void *)(to), lbpf_size, (char *)args + (args->data_loc_##field & 0xffff)); \
    })
#define TP_DATA_LOC_READ_STR(to, field, size)                                                      \
    bpf_probe_read_str((void *)(to), (size), (char *)args + (args->data_loc_##field & 0xffff))

/* Arguments of user-space tracepoints (USDT); the plugin finds the reader of argument n. _p reads
 * what it points to. */
extern int lbpf_usdt_readarg(int n, void *ctx, void *to, unsigned long size);
#define bpf_usdt_readarg(n, ctx, to) lbpf_usdt_readarg(n, ctx, to, sizeof(*(to)))
#define bpf_usdt_readarg_p(n, ctx, to, size)                                                       \
    ({                                                                                             \
        __u64 lbpf_address = 0;                                                                    \
        lbpf_usdt_readarg(n, ctx, &lbpf_address, sizeof(lbpf_address));                            \
        bpf_probe_read_user(to, size, (void *)lbpf_address);                                       \
    })

#if defined(__TARGET_ARCH_x86)
#include <lbpf/arch/x86.h>
#elif defined(__TARGET_ARCH_arm64)
#include <lbpf/arch/arm64.h>
#else
#error "this architecture is not supported yet"
#endif
#define PT_REGS_PARM2_SYSCALL(ctx) PT_REGS_PARM2(ctx)
#define PT_REGS_PARM3_SYSCALL(ctx) PT_REGS_PARM3(ctx)
#define PT_REGS_PARM5_SYSCALL(ctx) PT_REGS_PARM5(ctx)
#define PT_REGS_PARM6_SYSCALL(ctx) PT_REGS_PARM6(ctx)
/* The registers of the caller, out of those of a system call's wrapper. */
#define PT_REGS_SYSCALL_CTX(ctx) ((struct pt_regs *)PT_REGS_PARM1(ctx))
#define LBPF_PAGE_SIZE           (1u << LBPF_PAGE_SHIFT)
/* Without any header, as in BCC. */
#define PAGE_SHIFT LBPF_PAGE_SHIFT
#define PAGE_SIZE  (1UL << PAGE_SHIFT)

#endif
