/*
 * Reads through foreign pointers. A BPF program may not follow a pointer that the verifier does not
 * know; a load through one becomes a call of bpf_probe_read into a stack slot, a memory copy from
 * one becomes a bpf_probe_read to the destination. A failed read gives zeros, as in BCC.
 *
 * bpf_probe_read (helper 4) chooses kernel or user memory by the address, on machines whose
 * two address ranges don't overlap; so one compiled function serves as kprobe and as uprobe.
 * Programs over packets don't have it and use bpf_probe_read_kernel.
 */
#include "lower.h"

#include <llvm-c/Target.h>

#include <stdlib.h>
#include <string.h>

static unsigned read_helper(LLVMValueRef instruction)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction));

    return lower_is_network_context(lower_context_type(function)) ? HELPER_PROBE_READ_KERNEL
                                                                  : HELPER_PROBE_READ;
}

/* Marks where a slot's content is needed, so that the back end lets slots share stack space. */
static void mark_lifetime(struct lowering *lowering, const char *intrinsic, LLVMValueRef slot,
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

static void lower_load(struct lowering *lowering, LLVMValueRef load)
{
    LLVMTypeRef type = LLVMTypeOf(load);
    unsigned long long size = LLVMStoreSizeOfType(LLVMGetModuleDataLayout(lowering->module), type);
    LLVMValueRef slot, value, arguments[3];

    if (size > 256) {
        lower_error(lowering, load,
                    "a value of %llu bytes read through a pointer does not fit on the stack", size);
        return;
    }
    lower_build_at(lowering, load);
    slot = lower_stack_slot(lowering, load, type);
    mark_lifetime(lowering, "llvm.lifetime.start", slot, size);
    arguments[0] = slot;
    arguments[1] = LLVMConstInt(lowering->i32, size, 0);
    arguments[2] = LLVMGetOperand(load, 0);
    lower_call_helper(lowering, read_helper(load), arguments, 3);
    value = LLVMBuildLoad2(lowering->builder, type, slot, "");
    mark_lifetime(lowering, "llvm.lifetime.end", slot, size);
    LLVMReplaceAllUsesWith(load, value);
    LLVMInstructionEraseFromParent(load);
}

static void lower_copy(struct lowering *lowering, LLVMValueRef copy)
{
    LLVMValueRef arguments[3] = {LLVMGetOperand(copy, 0), LLVMGetOperand(copy, 2),
                                 LLVMGetOperand(copy, 1)};

    lower_build_at(lowering, copy);
    arguments[1] = LLVMBuildIntCast2(lowering->builder, arguments[1], lowering->i32, 0, "");
    lower_call_helper(lowering, read_helper(copy), arguments, 3);
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

struct list {
    LLVMValueRef *items;
    size_t count, capacity;
};

static void append(struct list *list, LLVMValueRef item)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = realloc(list->items, list->capacity * sizeof *list->items);
        if (!list->items)
            abort(); /* inside the compiler's own process, as LLVM does */
    }
    list->items[list->count++] = item;
}

/* Every decision is made on the untouched code; rewriting comes after. */
static void find_reads(struct list *loads, struct list *copies, LLVMValueRef function)
{
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
            if (LLVMIsALoadInst(i) && lower_origin(LLVMGetOperand(i, 0)) & ORIGIN_FOREIGN)
                append(loads, i);
            else if (is_memory_copy(i) && lower_origin(LLVMGetOperand(i, 1)) & ORIGIN_FOREIGN)
                append(copies, i);
        }
}

void lower_reads(struct lowering *lowering)
{
    struct list loads = {0}, copies = {0};

    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        find_reads(&loads, &copies, f);
    for (size_t i = 0; i < loads.count; i++)
        lower_load(lowering, loads.items[i]);
    for (size_t i = 0; i < copies.count; i++)
        lower_copy(lowering, copies.items[i]);
    free(loads.items);
    free(copies.items);
}
