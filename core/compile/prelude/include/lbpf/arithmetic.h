/* Small functions that BCC's programs use without an include. */
#ifndef LBPF_ARITHMETIC_H
#define LBPF_ARITHMETIC_H

/* floor(log2(value)); 0 for 0 */
LBPF_INLINE unsigned bpf_log2(unsigned value)
{
    unsigned result, shift;

    result = (value > 0xffff) << 4;
    value >>= result;
    shift = (value > 0xff) << 3;
    value >>= shift;
    result |= shift;
    shift = (value > 0xf) << 2;
    value >>= shift;
    result |= shift;
    shift = (value > 0x3) << 1;
    value >>= shift;
    result |= shift;
    return result | (value >> 1);
}

/* The row of print_log2_hist for value: 1 for 0 and 1, 2 for 2…3, 3 for 4…7, … */
LBPF_INLINE unsigned bpf_log2l(unsigned long long value)
{
    unsigned high = value >> 32;

    return high ? bpf_log2(high) + 33 : bpf_log2((unsigned)value) + 1;
}

#define bpf_ntohs(x)   __builtin_bswap16(x)
#define bpf_htons(x)   __builtin_bswap16(x)
#define bpf_ntohl(x)   __builtin_bswap32(x)
#define bpf_htonl(x)   __builtin_bswap32(x)
#define bpf_ntohll(x)  __builtin_bswap64(x)
#define bpf_htonll(x)  __builtin_bswap64(x)
#define bpf_ntoh128(x) lbpf_swap128(x)
#define bpf_hton128(x) lbpf_swap128(x)

LBPF_INLINE unsigned __int128 lbpf_swap128(unsigned __int128 value)
{
    return (unsigned __int128)__builtin_bswap64(value) << 64 | __builtin_bswap64(value >> 64);
}

#define MASK(n)                   ((n) < 64 ? (1ull << (n)) - 1 : -1ull)
#define MASK128(n)                ((n) < 128 ? ((unsigned __int128)1 << (n)) - 1 : ~(unsigned __int128)0)
#define lock_xadd(pointer, value) ((void)__sync_fetch_and_add(pointer, value))

/* The number of CPUs that are online when the program is loaded; then the section gets it. A
 * constant for the verifier, but none of C. */
static const volatile int lbpf_cpus __attribute__((section(".rodata.lbpf_cpus"))) = 1;
#define bpf_num_cpus() ((int)lbpf_cpus)

#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + ((c) > 255 ? 255 : (c)))

#endif
