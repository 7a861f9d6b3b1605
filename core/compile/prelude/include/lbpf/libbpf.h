/*
 * What programs for libbpf get from <bpf/bpf_helpers.h>, bpf_tracing.h, bpf_core_read.h and
 * bpf_endian.h, beside what they share with BCC's. Reads need no macro here: BPF_CORE_READ(p, a, b)
 * is p->a->b. BPF_PROG and its like stand in probes.h and here without the result's type, because
 * libbpf's users write that in front.
 */
#ifndef LBPF_LIBBPF_H
#define LBPF_LIBBPF_H

#define __ksym    __attribute__((section(".ksyms")))
#define __kconfig __attribute__((section(".kconfig")))

/* --- programs --- */
#define LBPF_PARMS_0()       ctx
#define LBPF_PARMS_1(x)      ctx, (void *)PT_REGS_PARM1(ctx)
#define LBPF_PARMS_2(x, ...) LBPF_PARMS_1(__VA_ARGS__), (void *)PT_REGS_PARM2(ctx)
#define LBPF_PARMS_3(x, ...) LBPF_PARMS_2(__VA_ARGS__), (void *)PT_REGS_PARM3(ctx)
#define LBPF_PARMS_4(x, ...) LBPF_PARMS_3(__VA_ARGS__), (void *)PT_REGS_PARM4(ctx)
#define LBPF_PARMS_5(x, ...) LBPF_PARMS_4(__VA_ARGS__), (void *)PT_REGS_PARM5(ctx)
#define LBPF_PARMS_6(x, ...) LBPF_PARMS_5(__VA_ARGS__), (void *)PT_REGS_PARM6(ctx)
#define LBPF_PARMS(...)                                                                            \
    LBPF_PICK(_, ##__VA_ARGS__, , , , , , , , , LBPF_PARMS_6, LBPF_PARMS_5, LBPF_PARMS_4,          \
              LBPF_PARMS_3, LBPF_PARMS_2, LBPF_PARMS_1, LBPF_PARMS_0, )                            \
    (__VA_ARGS__)
#define LBPF_CALLER_0()       ctx
#define LBPF_CALLER_1(x)      ctx, (void *)PT_REGS_PARM1_SYSCALL(lbpf_caller)
#define LBPF_CALLER_2(x, ...) LBPF_CALLER_1(__VA_ARGS__), (void *)PT_REGS_PARM2_SYSCALL(lbpf_caller)
#define LBPF_CALLER_3(x, ...) LBPF_CALLER_2(__VA_ARGS__), (void *)PT_REGS_PARM3_SYSCALL(lbpf_caller)
#define LBPF_CALLER_4(x, ...) LBPF_CALLER_3(__VA_ARGS__), (void *)PT_REGS_PARM4_SYSCALL(lbpf_caller)
#define LBPF_CALLER_5(x, ...) LBPF_CALLER_4(__VA_ARGS__), (void *)PT_REGS_PARM5_SYSCALL(lbpf_caller)
#define LBPF_CALLER_6(x, ...) LBPF_CALLER_5(__VA_ARGS__), (void *)PT_REGS_PARM6_SYSCALL(lbpf_caller)
#define LBPF_CALLER(...)                                                                           \
    LBPF_PICK(_, ##__VA_ARGS__, , , , , , , , , LBPF_CALLER_6, LBPF_CALLER_5, LBPF_CALLER_4,       \
              LBPF_CALLER_3, LBPF_CALLER_2, LBPF_CALLER_1, LBPF_CALLER_0, )                        \
    (__VA_ARGS__)
#define LBPF_RESULT_0()  ctx
#define LBPF_RESULT_1(x) ctx, (void *)PT_REGS_RC(ctx)
#define LBPF_RESULT(...)                                                                           \
    LBPF_PICK(_, ##__VA_ARGS__, , , , , , , , , , , , , , LBPF_RESULT_1, LBPF_RESULT_0, )          \
    (__VA_ARGS__)

#define BPF_KPROBE(name, args...) LBPF_PROGRAM(struct pt_regs *, name, , LBPF_PARMS(args), ##args)
#define BPF_KRETPROBE(name, args...)                                                               \
    LBPF_PROGRAM(struct pt_regs *, name, , LBPF_RESULT(args), ##args)
#define BPF_KSYSCALL(name, args...)                                                                \
    LBPF_PROGRAM(struct pt_regs *, name, struct pt_regs *lbpf_caller = PT_REGS_SYSCALL_CTX(ctx);   \
                 , LBPF_CALLER(args), ##args)
#define BPF_UPROBE(name, args...)    BPF_KPROBE(name, ##args)
#define BPF_URETPROBE(name, args...) BPF_KRETPROBE(name, ##args)

#define PT_REGS_PARM1_CORE(ctx)         PT_REGS_PARM1(ctx)
#define PT_REGS_PARM2_CORE(ctx)         PT_REGS_PARM2(ctx)
#define PT_REGS_PARM3_CORE(ctx)         PT_REGS_PARM3(ctx)
#define PT_REGS_PARM4_CORE(ctx)         PT_REGS_PARM4(ctx)
#define PT_REGS_PARM5_CORE(ctx)         PT_REGS_PARM5(ctx)
#define PT_REGS_RET_CORE(ctx)           PT_REGS_RET(ctx)
#define PT_REGS_FP_CORE(ctx)            PT_REGS_FP(ctx)
#define PT_REGS_RC_CORE(ctx)            PT_REGS_RC(ctx)
#define PT_REGS_SP_CORE(ctx)            PT_REGS_SP(ctx)
#define PT_REGS_IP_CORE(ctx)            PT_REGS_IP(ctx)
#define PT_REGS_PARM1_CORE_SYSCALL(ctx) PT_REGS_PARM1_SYSCALL(ctx)
#define PT_REGS_PARM2_CORE_SYSCALL(ctx) PT_REGS_PARM2_SYSCALL(ctx)
#define PT_REGS_PARM3_CORE_SYSCALL(ctx) PT_REGS_PARM3_SYSCALL(ctx)
#define PT_REGS_PARM4_CORE_SYSCALL(ctx) PT_REGS_PARM4_SYSCALL(ctx)
#define PT_REGS_PARM5_CORE_SYSCALL(ctx) PT_REGS_PARM5_SYSCALL(ctx)
#define PT_REGS_PARM6_CORE_SYSCALL(ctx) PT_REGS_PARM6_SYSCALL(ctx)

/* --- reads --- */
#define LBPF_ARROW_1(from, member)      (from)->member
#define LBPF_ARROW_2(from, member, ...) LBPF_ARROW_1((from)->member, __VA_ARGS__)
#define LBPF_ARROW_3(from, member, ...) LBPF_ARROW_2((from)->member, __VA_ARGS__)
#define LBPF_ARROW_4(from, member, ...) LBPF_ARROW_3((from)->member, __VA_ARGS__)
#define LBPF_ARROW_5(from, member, ...) LBPF_ARROW_4((from)->member, __VA_ARGS__)
#define LBPF_ARROW_6(from, member, ...) LBPF_ARROW_5((from)->member, __VA_ARGS__)
#define LBPF_ARROW_7(from, member, ...) LBPF_ARROW_6((from)->member, __VA_ARGS__)
#define LBPF_ARROW_8(from, member, ...) LBPF_ARROW_7((from)->member, __VA_ARGS__)
#define LBPF_ARROW_9(from, member, ...) LBPF_ARROW_8((from)->member, __VA_ARGS__)
#define LBPF_ARROW(from, ...)                                                                      \
    LBPF_PICK(_, __VA_ARGS__, , , , , , LBPF_ARROW_9, LBPF_ARROW_8, LBPF_ARROW_7, LBPF_ARROW_6,    \
              LBPF_ARROW_5, LBPF_ARROW_4, LBPF_ARROW_3, LBPF_ARROW_2, LBPF_ARROW_1, )              \
    (from, __VA_ARGS__)
#define BPF_CORE_READ(from, members...)       LBPF_ARROW(from, members)
#define BPF_PROBE_READ(from, members...)      LBPF_ARROW(from, members)
#define BPF_CORE_READ_USER(from, members...)  LBPF_ARROW(from, members)
#define BPF_PROBE_READ_USER(from, members...) LBPF_ARROW(from, members)
#define BPF_CORE_READ_INTO(to, from, members...)                                                   \
    bpf_probe_read_kernel(to, sizeof(*(to)), &LBPF_ARROW(from, members))
#define BPF_CORE_READ_STR_INTO(to, from, members...)                                               \
    bpf_probe_read_kernel_str(to, sizeof(*(to)), LBPF_ARROW(from, members))
#define bpf_core_read(to, size, from)          bpf_probe_read_kernel(to, size, from)
#define bpf_core_read_str(to, size, from)      bpf_probe_read_kernel_str(to, size, from)
#define bpf_core_read_user(to, size, from)     bpf_probe_read_user(to, size, from)
#define bpf_core_read_user_str(to, size, from) bpf_probe_read_user_str(to, size, from)

/* --- questions that the loader answers by the kernel's types --- */
#define LBPF_FIELD_1(field)                field
#define LBPF_FIELD_2(type, member)         ((type *)0)->member
#define LBPF_ONE_OR_TWO(_1, _2, name, ...) name
#define LBPF_FIELD(field...)               LBPF_ONE_OR_TWO(field, LBPF_FIELD_2, LBPF_FIELD_1, )(field)
#define bpf_core_field_offset(field...)    __builtin_preserve_field_info(LBPF_FIELD(field), 0)
#define bpf_core_field_size(field...)      __builtin_preserve_field_info(LBPF_FIELD(field), 1)
#define bpf_core_field_exists(field...)    __builtin_preserve_field_info(LBPF_FIELD(field), 2)
#define BPF_CORE_READ_BITFIELD_PROBED(from, field)                                                 \
    ({                                                                                             \
        __u64 lbpf_bits = 0;                                                                       \
        bpf_probe_read_kernel(&lbpf_bits, bpf_core_field_size((from)->field),                      \
                              (const char *)(from) + bpf_core_field_offset((from)->field));        \
        lbpf_bits <<= __builtin_preserve_field_info((from)->field, 4);                             \
        __builtin_preserve_field_info((from)->field, 3)                                            \
            ? (__u64)((__s64)lbpf_bits >> __builtin_preserve_field_info((from)->field, 5))         \
            : lbpf_bits >> __builtin_preserve_field_info((from)->field, 5);                        \
    })
#define BPF_CORE_READ_BITFIELD(from, field) BPF_CORE_READ_BITFIELD_PROBED(from, field)
#define bpf_core_type_exists(type)          __builtin_preserve_type_info(*(typeof(type) *)0, 0)
#define bpf_core_type_size(type)            __builtin_preserve_type_info(*(typeof(type) *)0, 1)
#define bpf_core_enum_value_exists(type, value)                                                    \
    __builtin_preserve_enum_value(*(typeof(type) *)value, 0)
#define bpf_core_enum_value(type, value) __builtin_preserve_enum_value(*(typeof(type) *)value, 1)

/* --- text --- */
/* Values one by one: as an initializer, addresses would be put into .rodata, where nobody relocates
 * them. */
#define LBPF_FILL_0(to)          (void)(to)
#define LBPF_FILL_1(to, x)       *(to) = (__u64)(long)(x)
#define LBPF_FILL_2(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_1((to) + 1, __VA_ARGS__)
#define LBPF_FILL_3(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_2((to) + 1, __VA_ARGS__)
#define LBPF_FILL_4(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_3((to) + 1, __VA_ARGS__)
#define LBPF_FILL_5(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_4((to) + 1, __VA_ARGS__)
#define LBPF_FILL_6(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_5((to) + 1, __VA_ARGS__)
#define LBPF_FILL_7(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_6((to) + 1, __VA_ARGS__)
#define LBPF_FILL_8(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_7((to) + 1, __VA_ARGS__)
#define LBPF_FILL_9(to, x, ...)  LBPF_FILL_1(to, x), LBPF_FILL_8((to) + 1, __VA_ARGS__)
#define LBPF_FILL_10(to, x, ...) LBPF_FILL_1(to, x), LBPF_FILL_9((to) + 1, __VA_ARGS__)
#define LBPF_FILL_11(to, x, ...) LBPF_FILL_1(to, x), LBPF_FILL_10((to) + 1, __VA_ARGS__)
#define LBPF_FILL_12(to, x, ...) LBPF_FILL_1(to, x), LBPF_FILL_11((to) + 1, __VA_ARGS__)
#define LBPF_FILL(to, ...)                                                                         \
    LBPF_PICK(_, ##__VA_ARGS__, , , LBPF_FILL_12, LBPF_FILL_11, LBPF_FILL_10, LBPF_FILL_9,         \
              LBPF_FILL_8, LBPF_FILL_7, LBPF_FILL_6, LBPF_FILL_5, LBPF_FILL_4, LBPF_FILL_3,        \
              LBPF_FILL_2, LBPF_FILL_1, LBPF_FILL_0, )                                             \
    (to, ##__VA_ARGS__)
#define LBPF_COUNT(...) LBPF_PICK(_, ##__VA_ARGS__, , , 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, )
#define BPF_SEQ_PRINTF(seq, format, args...)                                                       \
    ({                                                                                             \
        static const char lbpf_format[] = format;                                                  \
        __u64 lbpf_values[LBPF_COUNT(args)];                                                       \
        LBPF_FILL(lbpf_values, ##args);                                                            \
        bpf_seq_printf(seq, lbpf_format, sizeof(lbpf_format), lbpf_values, sizeof(lbpf_values));   \
    })
#define BPF_SNPRINTF(to, size, format, args...)                                                    \
    ({                                                                                             \
        static const char lbpf_format[] = format;                                                  \
        __u64 lbpf_values[LBPF_COUNT(args)];                                                       \
        LBPF_FILL(lbpf_values, ##args);                                                            \
        bpf_snprintf(to, size, lbpf_format, lbpf_values, sizeof(lbpf_values));                     \
    })

#define bpf_cpu_to_be16(x) __builtin_bswap16(x)
#define bpf_cpu_to_be32(x) __builtin_bswap32(x)
#define bpf_cpu_to_be64(x) __builtin_bswap64(x)
#define bpf_be16_to_cpu(x) __builtin_bswap16(x)
#define bpf_be32_to_cpu(x) __builtin_bswap32(x)
#define bpf_be64_to_cpu(x) __builtin_bswap64(x)

#endif
