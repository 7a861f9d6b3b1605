/* Pages and the allocator. */
#ifndef LBPF_KERNEL_MEMORY_H
#define LBPF_KERNEL_MEMORY_H

#define PAGE_MASK (~(PAGE_SIZE - 1))
#ifdef LBPF_PAGE_OFFSET
#define PAGE_OFFSET LBPF_PAGE_OFFSET
#define THREAD_SIZE LBPF_THREAD_SIZE
#endif
#define BITS_PER_LONG      64
#define BITS_PER_BYTE      8
#define BIT(n)             (1UL << (n))
#define BIT_ULL(n)         (1ULL << (n))
#define GENMASK(high, low) ((~0UL << (low)) & (~0UL >> (BITS_PER_LONG - 1 - (high))))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ALIGN(x, a)        (((x) + (a) - 1) & ~((typeof(x))(a) - 1))
#define round_up(x, a)     ((((x) - 1) | ((typeof(x))((a) - 1))) + 1)
#define min(a, b)          ((a) < (b) ? (a) : (b))
#define max(a, b)          ((a) > (b) ? (a) : (b))
#define min_t(type, a, b)  ((type)(a) < (type)(b) ? (type)(a) : (type)(b))
#define max_t(type, a, b)  ((type)(a) > (type)(b) ? (type)(a) : (type)(b))
#define INT_MAX            0x7fffffff
#define INT_MIN            (-INT_MAX - 1)
#define UINT_MAX           0xffffffffU
#define LONG_MAX           0x7fffffffffffffffL
#define ULONG_MAX          0xffffffffffffffffUL
#define U8_MAX             0xff
#define U16_MAX            0xffff
#define U32_MAX            0xffffffffU
#define U64_MAX            0xffffffffffffffffULL
#define S64_MAX            0x7fffffffffffffffLL

#define PROT_READ     0x1
#define PROT_WRITE    0x2
#define PROT_EXEC     0x4
#define MAP_SHARED    0x1
#define MAP_PRIVATE   0x2
#define MAP_FIXED     0x10
#define MAP_ANONYMOUS 0x20
#define VM_READ       0x1
#define VM_WRITE      0x2
#define VM_EXEC       0x4
#define VM_SHARED     0x8

#define div_u64(a, b)   ((u64)(a) / (u32)(b))
#define div64_u64(a, b) ((u64)(a) / (u64)(b))
#define do_div(n, base)                                                                            \
    ({                                                                                             \
        u32 remainder_ = (n) % (u32)(base);                                                        \
        (n) = (n) / (u32)(base);                                                                   \
        remainder_;                                                                                \
    })
#define SG_CHAIN         0x01UL
#define SG_END           0x02UL
#define sg_is_chain(sg)  ((sg)->page_link & SG_CHAIN)
#define sg_is_last(sg)   ((sg)->page_link & SG_END)
#define sg_chain_ptr(sg) ((struct scatterlist *)((sg)->page_link & ~(SG_CHAIN | SG_END)))

/* container_of is in types.h; lists and red-black trees build on it */
#define list_entry(pointer, type, member)    container_of(pointer, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_next_entry(pos, member)         list_entry((pos)->member.next, typeof(*(pos)), member)
#define hlist_entry(pointer, type, member)   container_of(pointer, type, member)
#define rb_entry(pointer, type, member)      container_of(pointer, type, member)

#endif
