/*
 * bpf_usdt_readarg(n, ctx, &v): the n-th argument of the user-space tracepoint that the program is
 * attached to. Where it lies stands in the traced file; whoever opened that puts C before the
 * program (core/attach/usdt_readers.c): a reader `_bpf_readarg_<function>_<n>(ctx, to, size)` with
 * a variable `__lbpf_usdt_reader_…` that keeps it so far, or a text `__lbpf_usdt_refused_…` that
 * says why there is none. A call goes to the reader of the program that it has become part of.
 */
#include "lower.h"

#include <stdio.h>

/* The reason why the argument can't be read, or NULL. */
static const char *reason(struct lowering *lowering, const char *program, unsigned long long number)
{
    char name[512];
    LLVMValueRef text;
    size_t size;

    snprintf(name, sizeof name, "__lbpf_usdt_refused_%s_%llu", program, number);
    text = LLVMGetNamedGlobal(lowering->module, name);
    if (!text || !LLVMGetInitializer(text) || !LLVMIsConstantString(LLVMGetInitializer(text)))
        return NULL;
    return LLVMGetAsString(LLVMGetInitializer(text), &size);
}

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
        const char *why = reason(lowering, program, LLVMConstIntGetZExtValue(number));

        if (why)
            lower_error(lowering, call, "%s", why);
        else
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

/* What brought the readers here; they go with their last call. */
static void drop_keepers(struct lowering *lowering)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(lowering->module), next; g; g = next) {
        const char *name;
        size_t size;

        next = LLVMGetNextGlobal(g);
        name = LLVMGetValueName2(g, &size);
        if (!LLVMGetFirstUse(g) && (lower_has_prefix(name, "__lbpf_usdt_reader_") ||
                                    lower_has_prefix(name, "__lbpf_usdt_refused_")))
            LLVMDeleteGlobal(g);
    }
}

bool lower_usdt(struct lowering *lowering)
{
    LLVMValueRef read = LLVMGetNamedFunction(lowering->module, "lbpf_usdt_readarg");
    bool has_calls = read && LLVMGetFirstUse(read);

    for (LLVMUseRef use = has_calls ? LLVMGetFirstUse(read) : NULL, next; use; use = next) {
        next = LLVMGetNextUse(use);
        lower_call(lowering, LLVMGetUser(use));
    }
    if (read && !LLVMGetFirstUse(read))
        LLVMDeleteFunction(read);
    drop_keepers(lowering);
    return has_calls;
}
