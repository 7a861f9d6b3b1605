/* The types that every BCC program may use without an include. The kernel's BTF repeats some of
 * them; repeating a typedef of the same type is valid C11. */
#ifndef LBPF_TYPES_H
#define LBPF_TYPES_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __s8 s8;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
typedef __u16 __be16, __le16, __sum16;
typedef __u32 __be32, __le32, __wsum;
typedef __u64 __be64, __le64;
typedef __s8 int8_t;
typedef __u8 uint8_t;
typedef __s16 int16_t;
typedef __u16 uint16_t;
typedef __s32 int32_t;
typedef __u32 uint32_t;
typedef __s64 int64_t;
typedef __u64 uint64_t;
typedef unsigned long uintptr_t;
typedef unsigned char unchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;
typedef _Bool bool;
typedef __SIZE_TYPE__ size_t;
typedef long ssize_t;
typedef int pid_t;
typedef unsigned int uid_t, gid_t;
typedef unsigned short umode_t;
typedef long long loff_t, ktime_t;
typedef unsigned int dev_t;
typedef unsigned long long sector_t;

#define true  1
#define false 0
#ifndef NULL
#define NULL ((void *)0)
#endif

#define SEC(name)            __attribute__((section(name), used))
#define BCC_SEC(name)        SEC(name)
#define __uint(name, value)  int(*name)[value]
#define __type(name, value)  typeof(value) *name
#define __array(name, value) typeof(value) *name[]
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif
#ifndef __noinline
#define __noinline __attribute__((__noinline__))
#endif
#ifndef __weak
#define __weak __attribute__((weak))
#endif
#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __maybe_unused __attribute__((unused))
#define __must_check
#define __user
#define __kernel
#define __force
#define __iomem
#define __percpu
#define __rcu
#define __randomize_layout
#define __hidden    __attribute__((visibility("hidden")))
#define asm_inline  asm
#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define barrier()   asm volatile("" ::: "memory")
#ifdef LBPF_PORTABLE /* sizeof shows in clang's syntax tree which member is meant */
#define __builtin_offsetof(type, member)                                                           \
    (__builtin_offsetof(type, member) + 0 * sizeof(&((type *)0)->member))
#endif
#define offsetof(type, member) __builtin_offsetof(type, member)
/* Not with offsetof, whose value is fixed when a portable object is compiled. */
#define container_of(ptr, type, member)                                                            \
    ((type *)((char *)(ptr) - (unsigned long)&((type *)0)->member))
#define ARRAY_SIZE(a)        (sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)         (*(volatile typeof(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile typeof(x) *)&(x) = (value))

/* Tells the loader (core/kernel/portability.c) which machine the object is for. */
#define LBPF_MACHINE(name)                                                                         \
    static const char __lbpf_machine[] __attribute__((section(".lbpf.kernel"), used, nodebug)) =   \
        "machine " name "\n"

/* Functions of the prelude itself. */
#define LBPF_INLINE static inline __attribute__((always_inline, nodebug, unused))
/* Those that a program calls as BPF functions where it needs them at several places. The name
 * begins with __lbpf_ (core/compile/plugin/outline.c). Kernel headers make noinline a macro. */
#define LBPF_OUTLINE static __attribute__((__noinline__, nodebug, unused))

/* The 16th argument after a list of 0…15: counts macro arguments, see BPF_HASH and perf_submit. */
#define LBPF_PICK(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, name, ...) name

#define memset(to, value, size) __builtin_memset((to), (value), (size))
#define memcpy(to, from, size)  __builtin_memcpy((to), (from), (size))
#define memmove(to, from, size) __builtin_memmove((to), (from), (size))

#endif
