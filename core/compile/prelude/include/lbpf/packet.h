/*
 * Bytes of packets, in programs over struct __sk_buff. A load outside the packet ends the program
 * with 0: that is what the instructions behind load_byte … do (BPF_LD | BPF_ABS).
 */
#ifndef LBPF_PACKET_H
#define LBPF_PACKET_H

/* Big-endian values at an offset of the packet, as numbers. */
extern unsigned long long load_byte(void *skb, unsigned long long at) asm("llvm.bpf.load.byte");
extern unsigned long long load_half(void *skb, unsigned long long at) asm("llvm.bpf.load.half");
extern unsigned long long load_word(void *skb, unsigned long long at) asm("llvm.bpf.load.word");

LBPF_INLINE __u64 load_dword(void *skb, __u64 at)
{
    return load_word(skb, at) << 32 | load_word(skb, at + 4);
}

LBPF_INLINE void bpf_store_byte(void *skb, __u64 at, __u64 value)
{
    __u8 byte = value;

    bpf_skb_store_bytes(skb, at, &byte, sizeof(byte), 0);
}

LBPF_INLINE void bpf_store_half(void *skb, __u64 at, __u64 value)
{
    __u16 half = __builtin_bswap16(value);

    bpf_skb_store_bytes(skb, at, &half, sizeof(half), 0);
}

LBPF_INLINE void bpf_store_word(void *skb, __u64 at, __u64 value)
{
    __u32 word = __builtin_bswap32(value);

    bpf_skb_store_bytes(skb, at, &word, sizeof(word), 0);
}

LBPF_INLINE void bpf_store_dword(void *skb, __u64 at, __u64 value)
{
    __u64 dword = __builtin_bswap64(value);

    bpf_skb_store_bytes(skb, at, &dword, sizeof(dword), 0);
}

/* The first size (1…8) bytes at an offset as one number; reads none after them. */
LBPF_INLINE __u64 lbpf_packet_bytes(void *skb, __u64 at, __u64 size)
{
    __u64 value = 0;

    if (size & 4)
        value = load_word(skb, at);
    if (size == 8)
        return load_dword(skb, at);
    if (size & 2)
        value = value << 16 | load_half(skb, at + (size & 4));
    if (size & 1)
        value = value << 8 | load_byte(skb, at + (size & 6));
    return value;
}

/* Bits of a packet as a number: `bits` of them (1…64, in at most 8 bytes) from bit `first` on, of
 * the byte at an offset, where bit 0 is the highest. first and bits are constants. */
LBPF_INLINE __u64 bpf_dext_pkt(void *skb, __u64 at, __u64 first, __u64 bits)
{
    __u64 size = (first + bits + 7) / 8;

    return lbpf_packet_bytes(skb, at, size) >> (size * 8 - first - bits) & MASK(bits);
}

LBPF_INLINE void bpf_dins_pkt(void *skb, __u64 at, __u64 first, __u64 bits, __u64 value)
{
    __u64 size = (first + bits + 7) / 8, shift = size * 8 - first - bits;

    value = (value & MASK(bits)) << shift;
    if (bits != size * 8)
        value |= lbpf_packet_bytes(skb, at, size) & ~(MASK(bits) << shift);
    value = __builtin_bswap64(value << (64 - size * 8));
    bpf_skb_store_bytes(skb, at, &value, size, 0);
}

/* Checksums of the packet that the program runs for; the plugin adds that. */
extern int lbpf_incr_cksum_l3(__u64 at, __u64 from, __u64 to, __u64 flags);
extern int lbpf_incr_cksum_l4(__u64 at, __u64 from, __u64 to, __u64 flags);
#define incr_cksum_l3(at, from, to) lbpf_incr_cksum_l3((__u64)(at), from, to, sizeof(to))
#define incr_cksum_l4(at, from, to, pseudo)                                                        \
    lbpf_incr_cksum_l4((__u64)(at), from, to, ((pseudo) & 1) << 4 | sizeof(to))

/* The offset where a header starts, as a pointer; the cursor moves behind it. */
#define cursor_advance(cursor, size)                                                               \
    ({                                                                                             \
        void *lbpf_at = (cursor);                                                                  \
        (cursor) += (size);                                                                        \
        lbpf_at;                                                                                   \
    })

#endif
