/*
 * What a program takes for granted of the kernel's types, in a form that two kernels can be
 * compared by. A fact is a question in words; its answer is words, too:
 *
 *     constant PIDTYPE_TGID                1
 *     size struct list_head                16 bytes
 *     size struct task_struct.comm         16 bytes
 *     offset struct task_struct.comm       2944 bytes
 *     layout struct qstr                   16 bytes, members 5f0c…
 *     field struct task_struct.tgid        4 bytes, signed
 *     field struct task_struct.comm        16 times 1 bytes
 *
 * A field is what is read as a number, or an array of which the beginning is read; other members
 * have no such answer.
 */
#ifndef LBPF_COMPILE_KERNEL_FACTS_H
#define LBPF_COMPILE_KERNEL_FACTS_H

#include "base/buffer.h"
#include "compile/kernel_btf.h"

struct lbpf_kernel_fact {
    const char *text;        /* the question; lent */
    const char *there;       /* the answer on the kernel that counts, lent; or NULL */
    struct lbpf_buffer here; /* the answer of this kernel; empty: it has no such thing */
    bool holds;              /* what was taken for granted there is right here */
};

/* Answers the facts. Of several types with one name, one for which the fact holds is taken, else
 * the one with the most members. Types of modules are looked at where the kernel lacks a name. 0 or
 * -ENOMEM; the answers are to be freed either way. */
int lbpf_kernel_facts_answer(struct lbpf_kernel_btf *btf, struct lbpf_kernel_fact *facts,
                             size_t count);
void lbpf_kernel_facts_free(struct lbpf_kernel_fact *facts, size_t count);

#endif
