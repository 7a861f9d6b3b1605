/*
 * bpf_usdt_readarg(n, ctx, &v): the n-th argument of the user-space tracepoint that the program is
 * attached to. Where it lies stands in the traced file; whoever opened that puts the readers
 * `_bpf_readarg_<function>_<n>(ctx, to, size)` into the program's text. A call goes to the reader
 * of the program that it has become part of; without one there is nothing to call.
 */
#include "lower.h"

#include <stdio.h>

static void lower_call(struct lowering *lowering, LLVMValueRef call)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(call));
    LLVMValueRef number = LLVMGetOperand(call, 0), reader, result, arguments[3];
    const char *program;
    char name[512];
    size_t size;

    if (!LLVMIsAConstantInt(number)) {
        lower_error(lowering, call, "bpf_usdt_readarg needs a constant as the argument's number");
        return;
    }
    program = LLVMGetValueName2(function, &size);
    snprintf(name, sizeof name, "_bpf_readarg_%s_%llu", program, LLVMConstIntGetZExtValue(number));
    reader = LLVMGetNamedFunction(lowering->module, name);
    if (!reader || LLVMCountParams(reader) != 3) {
        lower_error(lowering, call,
                    "bpf_usdt_readarg needs a USDT context: nothing enables a USDT probe with "
                    "argument %llu for %s",
                    LLVMConstIntGetZExtValue(number), program);
        return;
    }
    for (unsigned i = 0; i < 3; i++)
        arguments[i] = LLVMGetOperand(call, i + 1);
    lower_build_at(lowering, call);
    result =
        LLVMBuildCall2(lowering->builder, LLVMGlobalGetValueType(reader), reader, arguments, 3, "");
    if (LLVMTypeOf(result) == LLVMTypeOf(call))
        LLVMReplaceAllUsesWith(call, result);
    else
        LLVMReplaceAllUsesWith(call, LLVMConstNull(LLVMTypeOf(call)));
    LLVMInstructionEraseFromParent(call);
}

void lower_usdt(struct lowering *lowering)
{
    LLVMValueRef read = LLVMGetNamedFunction(lowering->module, "lbpf_usdt_readarg");

    if (!read)
        return;
    for (LLVMUseRef use = LLVMGetFirstUse(read), next; use; use = next) {
        next = LLVMGetNextUse(use);
        lower_call(lowering, LLVMGetUser(use));
    }
    if (!LLVMGetFirstUse(read))
        LLVMDeleteFunction(read);
}
