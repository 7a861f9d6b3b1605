/* Sockets and packets. */
#ifndef LBPF_KERNEL_NET_H
#define LBPF_KERNEL_NET_H

#define AF_UNSPEC      0
#define AF_UNIX        1
#define AF_LOCAL       1
#define AF_INET        2
#define AF_INET6       10
#define AF_NETLINK     16
#define AF_PACKET      17
#define AF_VSOCK       40
#define PF_INET        AF_INET
#define PF_INET6       AF_INET6
#define PF_UNIX        AF_UNIX
#define IPPROTO_IP     0
#define IPPROTO_ICMP   1
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define IPPROTO_IPV6   41
#define IPPROTO_ICMPV6 58
#define IPPROTO_SCTP   132
#define SOL_SOCKET     1
#define SOL_TCP        6

#define IFNAMSIZ            16
#define ETH_ALEN            6
#define ETH_HLEN            14
#define ETH_P_IP            0x0800
#define ETH_P_ARP           0x0806
#define ETH_P_8021Q         0x8100
#define ETH_P_8021AD        0x88A8
#define ETH_P_IPV6          0x86DD
#define ETH_P_ALL           0x0003
#define XDP_PACKET_HEADROOM 256
#define UNIX_PATH_MAX       108
#define MAX_SKB_FRAGS       17

#define ntohs(x)            __builtin_bswap16(x)
#define htons(x)            __builtin_bswap16(x)
#define ntohl(x)            __builtin_bswap32(x)
#define htonl(x)            __builtin_bswap32(x)
#define be16_to_cpu(x)      __builtin_bswap16(x)
#define be32_to_cpu(x)      __builtin_bswap32(x)
#define be64_to_cpu(x)      __builtin_bswap64(x)
#define cpu_to_be16(x)      __builtin_bswap16(x)
#define cpu_to_be32(x)      __builtin_bswap32(x)
#define cpu_to_be64(x)      __builtin_bswap64(x)
#define __constant_htons(x) __builtin_bswap16(x)
#define __constant_ntohs(x) __builtin_bswap16(x)

/* Members that the kernel reaches through macros */
#define sk_node         __sk_common.skc_node
#define sk_refcnt       __sk_common.skc_refcnt
#define sk_hash         __sk_common.skc_hash
#define sk_family       __sk_common.skc_family
#define sk_state        __sk_common.skc_state
#define sk_reuse        __sk_common.skc_reuse
#define sk_bound_dev_if __sk_common.skc_bound_dev_if
#define sk_prot         __sk_common.skc_prot
#define sk_net          __sk_common.skc_net
#define sk_num          __sk_common.skc_num
#define sk_dport        __sk_common.skc_dport
#define sk_daddr        __sk_common.skc_daddr
#define sk_rcv_saddr    __sk_common.skc_rcv_saddr
#define sk_v6_daddr     __sk_common.skc_v6_daddr
#define sk_v6_rcv_saddr __sk_common.skc_v6_rcv_saddr
#define sk_cookie       __sk_common.skc_cookie
#define inet_daddr      sk.__sk_common.skc_daddr
#define inet_rcv_saddr  sk.__sk_common.skc_rcv_saddr
#define inet_dport      sk.__sk_common.skc_dport
#define inet_num        sk.__sk_common.skc_num
#define s6_addr         in6_u.u6_addr8
#define s6_addr16       in6_u.u6_addr16
#define s6_addr32       in6_u.u6_addr32
#define skc_rmt_addr    skc_daddr

#define inet_sk(sk)               ((struct inet_sock *)(sk))
#define tcp_sk(sk)                ((struct tcp_sock *)(sk))
#define udp_sk(sk)                ((struct udp_sock *)(sk))
#define unix_sk(sk)               ((struct unix_sock *)(sk))
#define inet_csk(sk)              ((struct inet_connection_sock *)(sk))
#define inet_ca_state(sk)         (inet_csk(sk)->icsk_ca_state)
#define sock_net(sk)              ((sk)->__sk_common.skc_net.net)
#define read_pnet(pnet)           ((pnet)->net)
#define skb_network_header(skb)   ((skb)->head + (skb)->network_header)
#define skb_transport_header(skb) ((skb)->head + (skb)->transport_header)
#define skb_mac_header(skb)       ((skb)->head + (skb)->mac_header)
#define ip_hdr(skb)               ((struct iphdr *)skb_network_header(skb))
#define ipv6_hdr(skb)             ((struct ipv6hdr *)skb_network_header(skb))
#define tcp_hdr(skb)              ((struct tcphdr *)skb_transport_header(skb))
#define udp_hdr(skb)              ((struct udphdr *)skb_transport_header(skb))
#define eth_hdr(skb)              ((struct ethhdr *)skb_mac_header(skb))
#define tcp_flag_byte(th)         (((unsigned char *)(th))[13])
#define TCP_SKB_CB(skb)           ((struct tcp_skb_cb *)&((skb)->cb[0]))
#define tcp_jiffies32             ((u32)bpf_jiffies64())

#define skb_rx_queue_recorded(skb) ((skb)->queue_mapping != 0)
#define skb_get_rx_queue(skb)      ((skb)->queue_mapping - 1)
#define skb_get_queue_mapping(skb) ((skb)->queue_mapping)
#define SCM_RIGHTS                 1
#define SCM_CREDENTIALS            2

#define TCPHDR_FIN 0x01
#define TCPHDR_SYN 0x02
#define TCPHDR_RST 0x04
#define TCPHDR_PSH 0x08
#define TCPHDR_ACK 0x10
#define TCPHDR_URG 0x20
#define TCPHDR_ECE 0x40
#define TCPHDR_CWR 0x80

#endif
