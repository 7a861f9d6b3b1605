/*
 * How much of the stack a function needs. LLVM's back end gives variables that are not alive at one
 * time the same place, so what counts is the fullest point: found by going round the blocks until
 * what is alive at their ends changes no more.
 */
#include "frame.h"

#include <llvm-c/Target.h>

#include <stdlib.h>
#include <string.h>

enum { MAX_VARIABLES = 4096 };

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size);

    if (!memory)
        abort(); /* inside the compiler's own process, as LLVM does */
    return memory;
}

/* Of what begins with a pointer: variables, blocks. */
static int compare_addresses(const void *left, const void *right)
{
    uintptr_t a = *(const uintptr_t *)left, b = *(const uintptr_t *)right;

    return a < b ? -1 : a > b;
}

/* 1 when instruction begins the life of a variable of frame, -1 when it ends it; else 0. */
static int lifetime_of(const struct frame *frame, LLVMValueRef instruction, unsigned *index)
{
    const char *name = LLVMIsACallInst(instruction) ? lower_callee_name(instruction) : "";
    const struct variable *found;
    LLVMValueRef slot;

    if (!lower_has_prefix(name, "llvm.lifetime."))
        return 0;
    slot = LLVMGetOperand(instruction, LLVMGetNumArgOperands(instruction) - 1);
    found = bsearch(&slot, frame->variables, frame->count, sizeof *found, compare_addresses);
    if (!found)
        return 0;
    *index = (unsigned)(found - frame->variables);
    return lower_has_prefix(name, "llvm.lifetime.start") ? 1 : -1;
}

static unsigned long long slot_size(struct lowering *lowering, LLVMValueRef slot)
{
    LLVMValueRef count = LLVMGetOperand(slot, 0);
    unsigned long long size =
        LLVMABISizeOfType(LLVMGetModuleDataLayout(lowering->module), LLVMGetAllocatedType(slot));

    size *= LLVMIsAConstantInt(count) ? LLVMConstIntGetZExtValue(count) : 1;
    return size;
}

/* Variables of 8 bytes and more begin at a multiple of 8, so that LLVM clears and copies them in
 * words whatever their members are. */
static void align_variable(const struct variable *variable)
{
    if (variable->size >= 8 && LLVMGetAlignment(variable->slot) < 8)
        LLVMSetAlignment(variable->slot, 8);
}

void lower_frame_open(struct lowering *lowering, LLVMValueRef function, struct frame *frame)
{
    *frame = (struct frame){.function = function};
    frame->variables = allocate(MAX_VARIABLES, sizeof *frame->variables);
    for (LLVMValueRef i = LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(frame->function)); i;
         i = LLVMGetNextInstruction(i))
        if (LLVMIsAAllocaInst(i) && frame->count < MAX_VARIABLES) {
            struct variable *variable = &frame->variables[frame->count++];

            *variable = (struct variable){.slot = i, .size = slot_size(lowering, i)};
            align_variable(variable);
            variable->size = (variable->size + 7) / 8 * 8;
        }
    qsort(frame->variables, frame->count, sizeof *frame->variables, compare_addresses);
    frame->block_count = LLVMCountBasicBlocks(frame->function);
    frame->blocks = allocate(frame->block_count, sizeof(LLVMBasicBlockRef));
    LLVMGetBasicBlocks(frame->function, frame->blocks);
    qsort(frame->blocks, frame->block_count, sizeof(LLVMBasicBlockRef), compare_addresses);
    for (unsigned b = 0; b < frame->block_count; b++)
        for (LLVMValueRef i = LLVMGetFirstInstruction(frame->blocks[b]); i;
             i = LLVMGetNextInstruction(i)) {
            unsigned index;

            if (lifetime_of(frame, i, &index))
                frame->variables[index].has_lifetime = true;
        }
}

static unsigned block_number(const struct frame *frame, LLVMBasicBlockRef block)
{
    const LLVMBasicBlockRef *found =
        bsearch(&block, frame->blocks, frame->block_count, sizeof block, compare_addresses);

    return found ? (unsigned)(found - frame->blocks) : frame->block_count;
}

/* Bytes in use at the fullest point of a block, which starts with `live`; updates live to its end.
 */
static unsigned long long walk_block(const struct frame *frame, unsigned block, uint8_t *live)
{
    unsigned long long now = 0, most;

    for (unsigned v = 0; v < frame->count; v++)
        if (!frame->variables[v].is_moved && (live[v] || !frame->variables[v].has_lifetime))
            now += frame->variables[v].size;
    most = now;
    for (LLVMValueRef i = LLVMGetFirstInstruction(frame->blocks[block]); i;
         i = LLVMGetNextInstruction(i)) {
        unsigned v;
        int change = lifetime_of(frame, i, &v);

        if (!change || live[v] == (change > 0))
            continue;
        live[v] = change > 0;
        if (!frame->variables[v].is_moved)
            now += change > 0 ? frame->variables[v].size : 0 - frame->variables[v].size;
        if (now > most)
            most = now;
    }
    return most;
}

unsigned long long lower_bytes_in_use(struct frame *frame)
{
    unsigned long long most = 0;
    uint8_t *live = allocate(frame->count, 1);
    bool is_changed = true;

    free(frame->live);
    frame->live = allocate((size_t)frame->block_count * frame->count, 1);
    while (is_changed) {
        is_changed = false;
        for (unsigned b = 0; b < frame->block_count; b++) {
            uint8_t *end = frame->live + (size_t)b * frame->count;
            unsigned long long bytes;

            memset(live, 0, frame->count);
            for (LLVMUseRef use = LLVMGetFirstUse(LLVMBasicBlockAsValue(frame->blocks[b])); use;
                 use = LLVMGetNextUse(use)) {
                LLVMValueRef user = LLVMGetUser(use);
                unsigned p = LLVMIsATerminatorInst(user)
                                 ? block_number(frame, LLVMGetInstructionParent(user))
                                 : frame->block_count;

                for (unsigned v = 0; p < frame->block_count && v < frame->count; v++)
                    live[v] |= frame->live[(size_t)p * frame->count + v];
            }
            bytes = walk_block(frame, b, live);
            if (bytes > most)
                most = bytes;
            is_changed |= memcmp(end, live, frame->count) != 0;
            memcpy(end, live, frame->count);
        }
    }
    free(live);
    return most;
}

void lower_frame_close(struct frame *frame)
{
    free(frame->variables);
    free(frame->blocks);
    free(frame->live);
}
