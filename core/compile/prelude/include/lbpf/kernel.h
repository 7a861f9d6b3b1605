/*
 * What every kernel header brings along. Kernel headers include one another, and programs count on
 * it; so `#include <linux/ANY.h>`, <net/…>, <uapi/…>, <asm/…> means this file. Types and
 * enumerators are not here: they come from the running kernel's BTF. Here is what BTF cannot carry:
 * macros, and inline functions written as macros, so that a type is needed only by who uses them.
 * With BPF{headers=} the kernel's own headers stand before the prelude, and nothing is left to say.
 */
#ifndef LBPF_KERNEL_H
#define LBPF_KERNEL_H

#ifndef LBPF_HEADERS
#include <lbpf/kernel/block.h>
#include <lbpf/kernel/config.h>
#include <lbpf/kernel/errno.h>
#include <lbpf/kernel/fs.h>
#include <lbpf/kernel/memory.h>
#include <lbpf/kernel/net.h>
#include <lbpf/kernel/sched.h>
#include <lbpf/kernel/time.h>
#endif

#endif
