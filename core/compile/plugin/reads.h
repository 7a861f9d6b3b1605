/* What the files share that lower reads of foreign memory. */
#ifndef READS_H
#define READS_H

#include "lower.h"

#include <stddef.h>

/* A growing list of instructions; gives up with the compiler itself when memory ends. */
struct list {
    LLVMValueRef *items;
    size_t count, capacity;
};
void list_append(struct list *list, LLVMValueRef item);

/* The probe_read helper that the program of instruction may call. */
unsigned lower_read_helper(LLVMValueRef instruction);
/* Marks where a slot's content is needed, so that the back end lets slots share stack space. */
void lower_mark_lifetime(struct lowering *lowering, const char *intrinsic, LLVMValueRef slot,
                         unsigned long long size);
/* Calls probe_read(to, size, from) at the builder's place, for the program of instruction. */
void lower_call_read(struct lowering *lowering, LLVMValueRef instruction, LLVMValueRef to,
                     unsigned long long size, LLVMValueRef from);
/* address + offset, in bytes */
LLVMValueRef lower_address_at(struct lowering *lowering, LLVMValueRef address, long long offset);

/* --- origin.c --- */

/* Whether pointer was read out of a probe's context, or of memory behind such a pointer. */
bool lower_is_certainly_foreign(LLVMValueRef pointer);

/* Whether pointer is a number, or counts from one: no address of anything. */
bool lower_is_offset(LLVMValueRef pointer);

/* --- debug_info.c --- */

/* Bytes of a map's keys or values, or 0 when its declaration does not tell. */
unsigned long long lower_map_size(struct lowering *lowering, LLVMValueRef map, bool is_key);

/* Describes a global as libbpf wants the declaration of an array map: four pointers in .maps. */
void lower_describe_array(struct lowering *lowering, LLVMValueRef map, unsigned type,
                          unsigned long long entries, unsigned long long value_size);

/* --- scratch.c --- */

/* Moves variables that do not fit on the stack. */
void lower_stack(struct lowering *lowering);

/* --- merge.c --- */

/* Lowers foreign loads that share a read, and those that a read can put where they are stored; adds
 * the others to `rest`. */
void lower_merged_reads(struct lowering *lowering, const struct list *loads, struct list *rest);

/* pointer as base + offset in bytes */
LLVMValueRef lower_split_address(struct lowering *lowering, LLVMValueRef pointer,
                                 long long *offset);

/* Keep LLVM from parting the loads of one struct copy, and let it again. */
void lower_hold_copies(struct lowering *lowering);
void lower_release_copies(struct lowering *lowering);

/* --- typed.c --- */

/* Whether the verifier knows the type of what a load reads, and so lets the program do it. */
bool lower_is_typed(struct lowering *lowering, LLVMValueRef load);
/* Takes away what the types were read off. */
void lower_forget_types(struct lowering *lowering);

/* --- inputs.c --- */

/* Finds arguments of call that must be readable memory but are foreign. */
struct input {
    LLVMValueRef call;
    unsigned argument;
    unsigned long long size;
};
struct inputs {
    struct input *items;
    size_t count, capacity;
};
void lower_find_inputs(struct lowering *lowering, struct inputs *inputs, LLVMValueRef call);
/* Copies them to the stack. */
void lower_bring_inputs(struct lowering *lowering, struct inputs *inputs);

#endif
