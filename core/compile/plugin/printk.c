/*
 * bpf_trace_printk("format", …): the helper wants the format in memory and its size. Up to three
 * arguments go to bpf_trace_printk, more to bpf_trace_vprintk (Linux 5.16). A call whose first
 * argument is no literal is the helper itself, with the size as second argument, and is passed on
 * as written.
 */
#include "lower.h"

#include <string.h>

enum { MAX_DIRECT = 3, MAX_ARGUMENTS = 12 };

/* The literal behind a format argument, or NULL. */
static LLVMValueRef literal_of(LLVMValueRef format)
{
    LLVMValueRef initializer;

    if (!LLVMIsAGlobalVariable(format) || !LLVMIsGlobalConstant(format) ||
        LLVMGetLinkage(format) != LLVMPrivateLinkage)
        return NULL;
    initializer = LLVMGetInitializer(format);
    return initializer && LLVMGetTypeKind(LLVMTypeOf(initializer)) == LLVMArrayTypeKind
               ? initializer
               : NULL;
}

static LLVMValueRef widen(struct lowering *lowering, LLVMValueRef value)
{
    switch (LLVMGetTypeKind(LLVMTypeOf(value))) {
    case LLVMPointerTypeKind:
        return LLVMBuildPtrToInt(lowering->builder, value, lowering->i64, "");
    case LLVMIntegerTypeKind:
        return LLVMBuildIntCast2(lowering->builder, value, lowering->i64, 0, "");
    default:
        return NULL;
    }
}

static LLVMValueRef call_vprintk(struct lowering *lowering, LLVMValueRef call, LLVMValueRef format,
                                 LLVMValueRef size, LLVMValueRef *values, unsigned count)
{
    LLVMTypeRef array = LLVMArrayType(lowering->i64, count);
    LLVMValueRef slot = lower_stack_slot(lowering, call, array);
    LLVMValueRef arguments[4] = {format, size, slot, LLVMConstInt(lowering->i32, count * 8ull, 0)};

    for (unsigned i = 0; i < count; i++) {
        LLVMValueRef index = LLVMConstInt(lowering->i64, i, 0);

        LLVMBuildStore(
            lowering->builder, values[i],
            LLVMBuildInBoundsGEP2(lowering->builder, lowering->i64, slot, &index, 1, ""));
    }
    return lower_call_helper(lowering, HELPER_TRACE_VPRINTK, arguments, 4);
}

static void lower_call(struct lowering *lowering, LLVMValueRef call)
{
    unsigned given = LLVMGetNumArgOperands(call), count = 0;
    LLVMValueRef format = LLVMGetOperand(call, 0);
    LLVMValueRef literal = literal_of(format), size, result, values[2 + MAX_ARGUMENTS];

    lower_build_at(lowering, call);
    if (given - 1 > MAX_ARGUMENTS) {
        lower_error(lowering, call, "bpf_trace_printk takes at most %d values", MAX_ARGUMENTS);
        return;
    }
    for (unsigned i = 1; i < given; i++) {
        values[2 + count] = widen(lowering, LLVMGetOperand(call, i));
        if (!values[2 + count++]) {
            lower_error(lowering, call, "value %u of bpf_trace_printk is no integer or pointer", i);
            return;
        }
    }
    if (literal) {
        size = LLVMConstInt(lowering->i32, LLVMGetArrayLength(LLVMTypeOf(literal)), 0);
        if (count <= MAX_DIRECT) {
            values[0] = format;
            values[1] = size;
            result = lower_call_helper(lowering, HELPER_TRACE_PRINTK, values, count + 2);
        } else {
            result = call_vprintk(lowering, call, format, size, values + 2, count);
        }
    } else if (count >= 1 && count <= MAX_DIRECT + 1) {
        values[1] = format;
        result = lower_call_helper(lowering, HELPER_TRACE_PRINTK, values + 1, count + 1);
    } else {
        lower_error(lowering, call,
                    "bpf_trace_printk needs its format as a literal, or a buffer and its size");
        return;
    }
    LLVMReplaceAllUsesWith(call,
                           LLVMBuildIntCast2(lowering->builder, result, LLVMTypeOf(call), 1, ""));
    LLVMInstructionEraseFromParent(call);
}

void lower_printk(struct lowering *lowering)
{
    LLVMValueRef printk = LLVMGetNamedFunction(lowering->module, "bpf_trace_printk");

    if (!printk)
        return;
    for (LLVMUseRef use = LLVMGetFirstUse(printk), next; use; use = next) {
        LLVMValueRef user = LLVMGetUser(use);

        next = LLVMGetNextUse(use);
        if (LLVMIsACallInst(user) && LLVMGetCalledValue(user) == printk)
            lower_call(lowering, user);
    }
    if (!LLVMGetFirstUse(printk))
        LLVMDeleteFunction(printk);
}
