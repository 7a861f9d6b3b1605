/*
 * Memory that a call reads: keys and values of table methods, what is submitted, both sides of
 * memcmp. Where it is foreign (counts.lookup(&task->pid)), it is copied to the stack first. The
 * size of keys and values is that of the table, out of its debug info. What can't be copied,
 * because its size is not known here, is left to the verifier, whose rejection says what to write
 * instead.
 */
#include "reads.h"

#include <stdlib.h>
#include <string.h>

enum { LARGEST_COPY = 256 };
enum size_source { KEY, VALUE, GIVEN };

/* A memory argument of a helper; `size` is the number of the argument with its size, for GIVEN. */
struct memory_argument {
    unsigned helper, argument;
    enum size_source source;
    unsigned size;
};

static const struct memory_argument memory_arguments[] = {
    {1, 1, KEY, 0},     /* map_lookup_elem */
    {2, 1, KEY, 0},     /* map_update_elem */
    {2, 2, VALUE, 0},   /* … */
    {3, 1, KEY, 0},     /* map_delete_elem */
    {25, 3, GIVEN, 4},  /* perf_event_output */
    {87, 1, VALUE, 0},  /* map_push_elem */
    {111, 3, GIVEN, 4}, /* skb_output */
    {121, 3, GIVEN, 4}, /* xdp_output */
    {127, 1, GIVEN, 2}, /* seq_write */
    {130, 1, GIVEN, 2}, /* ringbuf_output */
    {195, 1, KEY, 0},   /* map_lookup_percpu_elem */
};

static bool is_constant_data(LLVMValueRef value)
{
    return LLVMIsAConstant(value) && !LLVMIsAGlobalVariable(value) && !LLVMIsAConstantExpr(value);
}

static unsigned long long constant_size(LLVMValueRef value)
{
    return LLVMIsAConstantInt(value) ? LLVMConstIntGetZExtValue(value) : 0;
}

static void add_input(struct inputs *inputs, LLVMValueRef call, unsigned argument,
                      unsigned long long size)
{
    LLVMValueRef pointer = LLVMGetOperand(call, argument);

    if (!size || size > LARGEST_COPY || is_constant_data(pointer) ||
        !(lower_origin(pointer) & ORIGIN_FOREIGN))
        return;
    if (inputs->count == inputs->capacity) {
        inputs->capacity = inputs->capacity ? inputs->capacity * 2 : 16;
        inputs->items = realloc(inputs->items, inputs->capacity * sizeof *inputs->items);
        if (!inputs->items)
            abort(); /* inside the compiler's own process, as LLVM does */
    }
    inputs->items[inputs->count++] = (struct input){call, argument, size};
}

static bool is_comparison(LLVMValueRef call)
{
    const char *name = lower_callee_name(call);

    return (!strcmp(name, "memcmp") || !strcmp(name, "bcmp")) && LLVMGetNumArgOperands(call) == 3;
}

void lower_find_inputs(struct lowering *lowering, struct inputs *inputs, LLVMValueRef call)
{
    unsigned helper = lower_helper_of_call(call), given = LLVMGetNumArgOperands(call);

    if (lower_has_prefix(lower_callee_name(call), "__lbpf_send_")) {
        add_input(inputs, call, 0, constant_size(LLVMGetOperand(call, 1)));
        return;
    }
    if (is_comparison(call)) {
        add_input(inputs, call, 0, constant_size(LLVMGetOperand(call, 2)));
        add_input(inputs, call, 1, constant_size(LLVMGetOperand(call, 2)));
        return;
    }
    for (size_t i = 0; helper && i < sizeof memory_arguments / sizeof *memory_arguments; i++) {
        const struct memory_argument *row = &memory_arguments[i];
        unsigned long long size = 0;

        if (row->helper != helper || row->argument >= given || row->size >= given)
            continue;
        if (row->source == GIVEN)
            size = constant_size(LLVMGetOperand(call, row->size));
        else
            size = lower_map_size(lowering, LLVMGetOperand(call, 0), row->source == KEY);
        add_input(inputs, call, row->argument, size);
    }
}

static void bring_input(struct lowering *lowering, const struct input *input)
{
    LLVMTypeRef type = LLVMArrayType(lowering->i64, (unsigned)((input->size + 7) / 8));
    LLVMValueRef slot, next = LLVMGetNextInstruction(input->call);

    lower_build_at(lowering, input->call);
    slot = lower_stack_slot(lowering, input->call, type);
    lower_mark_lifetime(lowering, "llvm.lifetime.start", slot, (input->size + 7) / 8 * 8);
    lower_call_read(lowering, input->call, slot, input->size,
                    LLVMGetOperand(input->call, input->argument));
    LLVMSetOperand(input->call, input->argument, slot);
    LLVMPositionBuilderBefore(lowering->builder, next);
    lower_mark_lifetime(lowering, "llvm.lifetime.end", slot, (input->size + 7) / 8 * 8);
}

void lower_bring_inputs(struct lowering *lowering, struct inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        bring_input(lowering, &inputs->items[i]);
    free(inputs->items);
}
