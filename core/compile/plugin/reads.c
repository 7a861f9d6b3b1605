/*
 * Reads through foreign pointers. A BPF program may not follow a pointer that the verifier does not
 * know; a load through one becomes a call of bpf_probe_read into a stack slot, a memory copy from
 * one becomes a bpf_probe_read to the destination. A failed read gives zeros, as in BCC.
 *
 * bpf_probe_read (helper 4) chooses kernel or user memory by the address, on machines whose
 * two address ranges don't overlap; so one compiled function serves as kprobe and as uprobe.
 * Programs over packets don't have it and use bpf_probe_read_kernel.
 */
#include "reads.h"

#include <llvm-c/Target.h>

#include <stdlib.h>
#include <string.h>

unsigned lower_read_helper(LLVMValueRef instruction)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction));

    return lower_is_network_context(lower_context_type(function)) ? HELPER_PROBE_READ_KERNEL
                                                                  : HELPER_PROBE_READ;
}

void lower_mark_lifetime(struct lowering *lowering, const char *intrinsic, LLVMValueRef slot,
                         unsigned long long size)
{
    unsigned id = LLVMLookupIntrinsicID(intrinsic, strlen(intrinsic));
    LLVMValueRef function =
        LLVMGetIntrinsicDeclaration(lowering->module, id, &lowering->pointer, 1);
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    LLVMValueRef arguments[2] = {LLVMConstInt(lowering->i64, size, 0), slot};

    if (LLVMCountParamTypes(type) == 2)
        LLVMBuildCall2(lowering->builder, type, function, arguments, 2, "");
    else /* LLVM 22 took the size away */
        LLVMBuildCall2(lowering->builder, type, function, arguments + 1, 1, "");
}

void lower_call_read(struct lowering *lowering, LLVMValueRef instruction, LLVMValueRef to,
                     unsigned long long size, LLVMValueRef from)
{
    LLVMValueRef arguments[3] = {to, LLVMConstInt(lowering->i32, size, 0), from};

    lower_call_helper(lowering, lower_read_helper(instruction), arguments, 3);
}

LLVMValueRef lower_address_at(struct lowering *lowering, LLVMValueRef address, long long offset)
{
    LLVMValueRef index = LLVMConstInt(lowering->i64, (unsigned long long)offset, 1);

    return LLVMBuildGEP2(lowering->builder, lowering->i8, address, &index, 1, "");
}

static void lower_load(struct lowering *lowering, LLVMValueRef load)
{
    LLVMTypeRef type = LLVMTypeOf(load);
    unsigned long long size = LLVMStoreSizeOfType(LLVMGetModuleDataLayout(lowering->module), type);
    LLVMValueRef slot, value;

    if (size > 256) {
        lower_error(lowering, load,
                    "a value of %llu bytes read through a pointer does not fit on the stack", size);
        return;
    }
    lower_build_at(lowering, load);
    slot = lower_stack_slot(lowering, load, type);
    lower_mark_lifetime(lowering, "llvm.lifetime.start", slot, size);
    lower_call_read(lowering, load, slot, size, LLVMGetOperand(load, 0));
    value = LLVMBuildLoad2(lowering->builder, type, slot, "");
    lower_mark_lifetime(lowering, "llvm.lifetime.end", slot, size);
    LLVMReplaceAllUsesWith(load, value);
    LLVMInstructionEraseFromParent(load);
}

static void lower_copy(struct lowering *lowering, LLVMValueRef copy)
{
    LLVMValueRef arguments[3] = {LLVMGetOperand(copy, 0), LLVMGetOperand(copy, 2),
                                 LLVMGetOperand(copy, 1)};

    lower_build_at(lowering, copy);
    arguments[1] = LLVMBuildIntCast2(lowering->builder, arguments[1], lowering->i32, 0, "");
    lower_call_helper(lowering, lower_read_helper(copy), arguments, 3);
    LLVMInstructionEraseFromParent(copy);
}

static bool is_memory_copy(LLVMValueRef instruction)
{
    const char *name;

    if (!LLVMIsACallInst(instruction))
        return false;
    name = lower_callee_name(instruction);
    return lower_has_prefix(name, "llvm.memcpy") || lower_has_prefix(name, "llvm.memmove");
}

void list_append(struct list *list, LLVMValueRef item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        if (!list->items)
            abort(); /* inside the compiler's own process, as LLVM does */
    }
    list->items[list->count++] = item;
}

/* What a store writes to, or NULL. */
static LLVMValueRef written_address(LLVMValueRef instruction)
{
    if (LLVMIsAStoreInst(instruction))
        return LLVMGetOperand(instruction, 1);
    if (LLVMIsAAtomicRMWInst(instruction) || LLVMIsAAtomicCmpXchgInst(instruction))
        return LLVMGetOperand(instruction, 0);
    if (LLVMIsACallInst(instruction) &&
        lower_has_prefix(lower_callee_name(instruction), "llvm.mem"))
        return LLVMGetOperand(instruction, 0);
    return NULL;
}

/* No program may change kernel or user memory by a store. Only what is certain is said here; the
 * verifier sees the rest. */
static void check_store(struct lowering *lowering, LLVMValueRef instruction)
{
    LLVMValueRef address = written_address(instruction);

    if (address && lower_is_certainly_foreign(address))
        lower_error(lowering, instruction,
                    "a program can't store to memory of the kernel or of the traced program; "
                    "copy the value into a variable and change that, or write user memory with "
                    "bpf_probe_write_user");
}

/* cursor_advance() gives offsets as pointers. Behind <bcc/proto.h>'s headers they have become reads
 * of the packet already (packet.c); anything else would read memory at a small number. */
static void check_cursor(struct lowering *lowering, LLVMValueRef instruction, LLVMValueRef address)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction));

    if (!strcmp(lower_context_type(function), "__sk_buff") && lower_is_offset(address))
        lower_error(lowering, instruction,
                    "this is an offset in the packet, behind which only single members of "
                    "<bcc/proto.h>'s headers can be read; take other bytes with load_half(skb, "
                    "offset) or bpf_skb_load_bytes(skb, offset, &copy, sizeof(copy))");
}

struct found {
    struct list loads, copies, typed;
    struct inputs inputs;
};

/* Every decision is made on the untouched code; rewriting comes after. */
static void find_reads(struct lowering *lowering, struct found *found, LLVMValueRef function)
{
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            if (LLVMIsALoadInst(i) && lower_origin(LLVMGetOperand(i, 0)) & ORIGIN_FOREIGN) {
                check_cursor(lowering, i, LLVMGetOperand(i, 0));
                if (lower_is_typed(lowering, i))
                    list_append(&found->typed, i);
                else
                    list_append(&found->loads, i);
            } else if (is_memory_copy(i) && lower_origin(LLVMGetOperand(i, 1)) & ORIGIN_FOREIGN) {
                check_cursor(lowering, i, LLVMGetOperand(i, 1));
                list_append(&found->copies, i);
            } else if (LLVMIsACallInst(i)) {
                lower_find_inputs(lowering, &found->inputs, i);
            }
            check_store(lowering, i);
        }
}

void lower_reads(struct lowering *lowering)
{
    struct found found = {0};
    struct list rest = {0};

    lower_release_copies(lowering);
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        find_reads(lowering, &found, f);
    /* LLVM would make one load of two that differ in what they read through. */
    for (size_t i = 0; i < found.typed.count; i++)
        LLVMSetVolatile(found.typed.items[i], 1);
    lower_forget_types(lowering);
    lower_merged_reads(lowering, &found.loads, &rest);
    for (size_t i = 0; i < rest.count; i++)
        lower_load(lowering, rest.items[i]);
    for (size_t i = 0; i < found.copies.count; i++)
        lower_copy(lowering, found.copies.items[i]);
    lower_bring_inputs(lowering, &found.inputs);
    free(found.loads.items);
    free(found.copies.items);
    free(found.typed.items);
    free(rest.items);
}
