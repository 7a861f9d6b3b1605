/* Packet headers under BCC's names; the byte order of members is the packet's. */
#ifndef LBPF_BCC_PROTO_H
#define LBPF_BCC_PROTO_H

#include <lbpf/kernel.h>

#endif
