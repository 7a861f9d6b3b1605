/*
 * Packet headers under BCC's names, for programs over struct __sk_buff. Members stand in the order
 * of the wire, and through a pointer that cursor_advance() gave, each is read and written as a
 * number: the plugin (packet.c) turns `ip->hlen` into bpf_dext_pkt() with the member's place. The
 * union gives each header's first member an address computation that names the header; without it
 * nothing would tell what is accessed. Bit-fields are volatile for the plugin to know that shifts
 * and masks behind them are clang's and not the program's.
 */
#ifndef LBPF_BCC_PROTO_H
#define LBPF_BCC_PROTO_H

#include <lbpf/kernel.h>

#define BPF_PACKET_HEADER __attribute__((packed))
#define LBPF_HEADER(name, ...)                                                                     \
    struct name {                                                                                  \
        union {                                                                                    \
            unsigned char lbpf_first_byte;                                                         \
            struct {                                                                               \
                __VA_ARGS__                                                                        \
            } BPF_PACKET_HEADER;                                                                   \
        };                                                                                         \
    } BPF_PACKET_HEADER

LBPF_HEADER(ethernet_t, volatile __u64 dst : 48; volatile __u64 src : 48;
            volatile unsigned type : 16;);
LBPF_HEADER(dot1q_t, volatile __u16 pri : 3; volatile __u16 cfi : 1; volatile __u16 vlanid : 12;
            __u16 type;);
LBPF_HEADER(arp_t, __u16 htype; __u16 ptype; __u8 hlen; __u8 plen; __u16 oper;
            volatile __u64 sha : 48; volatile __u64 spa : 32; volatile __u64 tha : 48; __u32 tpa;);
LBPF_HEADER(ip_t, volatile __u8 ver : 4; volatile __u8 hlen : 4; __u8 tos; __u16 tlen;
            __u16 identification; volatile __u16 ffo_unused : 1; volatile __u16 df : 1;
            volatile __u16 mf : 1; volatile __u16 foffset : 13; __u8 ttl; __u8 nextp;
            __u16 hchecksum; __u32 src; __u32 dst;);
LBPF_HEADER(icmp_t, __u8 type; __u8 code; __u16 checksum;);
LBPF_HEADER(ip6_t, volatile __u32 ver : 4; volatile __u32 priority : 8;
            volatile __u32 flow_label : 20; __u16 payload_len; __u8 next_header; __u8 hop_limit;
            __u64 src_hi; __u64 src_lo; __u64 dst_hi; __u64 dst_lo;);
LBPF_HEADER(ip6_opt_t, __u8 next_header; __u8 ext_len; __u8 pad[6];);
LBPF_HEADER(icmp6_t, __u8 type; __u8 code; __u16 checksum;);
LBPF_HEADER(udp_t, __u16 sport; __u16 dport; __u16 length; __u16 crc;);
LBPF_HEADER(tcp_t, __u16 src_port; __u16 dst_port; __u32 seq_num; __u32 ack_num;
            volatile __u8 offset : 4; volatile __u8 reserved : 4; volatile __u8 flag_cwr : 1;
            volatile __u8 flag_ece : 1; volatile __u8 flag_urg : 1; volatile __u8 flag_ack : 1;
            volatile __u8 flag_psh : 1; volatile __u8 flag_rst : 1; volatile __u8 flag_syn : 1;
            volatile __u8 flag_fin : 1; __u16 rcv_wnd; __u16 cksum; __u16 urg_ptr;);
LBPF_HEADER(vxlan_t, volatile __u32 rsv1 : 4; volatile __u32 iflag : 1; volatile __u32 rsv2 : 3;
            volatile __u32 rsv3 : 24; volatile __u32 key : 24; volatile __u32 rsv4 : 8;);
/* rsv4 has both its bits; BCC has one, and so every later member one bit too early. */
LBPF_HEADER(vxlan_gbp_t, volatile __u32 gflag : 1; volatile __u32 rsv1 : 3;
            volatile __u32 iflag : 1; volatile __u32 rsv2 : 3; volatile __u32 rsv3 : 1;
            volatile __u32 dflag : 1; volatile __u32 rsv4 : 2; volatile __u32 aflag : 1;
            volatile __u32 rsv5 : 3; volatile __u32 tag : 16; volatile __u32 key : 24;
            volatile __u32 rsv6 : 8;);

#define LBPF_PACKET_FUNCTION __attribute__((always_inline, nodebug))

LBPF_PACKET_FUNCTION __u64 lbpf_packet_read(struct __sk_buff *skb, __u64 at, __u64 first,
                                            __u64 bits)
{
    return bpf_dext_pkt(skb, at, first, bits);
}

LBPF_PACKET_FUNCTION void lbpf_packet_write(struct __sk_buff *skb, __u64 at, __u64 first,
                                            __u64 bits, __u64 value)
{
    bpf_dins_pkt(skb, at, first, bits, value);
}

#endif
