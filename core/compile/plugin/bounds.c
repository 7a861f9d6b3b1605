/*
 * Limits that a program sets itself. For `n = n < MAX ? n : MAX; bpf_probe_read(to, n, from)` LLVM
 * may compare one copy of n and pass on another that it knows to be equal; the verifier does not
 * know, and refuses the size as unbounded. An empty asm before the comparison makes n opaque, so
 * that what is compared and what is passed on are one register. This runs before instcombine, while
 * both are still one value.
 */
#include "reads.h"

static bool is_word(LLVMTypeRef type)
{
    return LLVMGetTypeKind(type) == LLVMIntegerTypeKind &&
           (LLVMGetIntTypeWidth(type) == 32 || LLVMGetIntTypeWidth(type) == 64);
}

static LLVMValueRef make_opaque(struct lowering *lowering, LLVMValueRef before, LLVMValueRef value)
{
    LLVMTypeRef type = LLVMTypeOf(value), function_type = LLVMFunctionType(type, &type, 1, 0);
    LLVMValueRef barrier = LLVMGetInlineAsm(function_type, (char *)"", 0, (char *)"=r,0", 4, 1, 0,
                                            LLVMInlineAsmDialectATT, 0);

    lower_build_at(lowering, before);
    return LLVMBuildCall2(lowering->builder, function_type, barrier, &value, 1, "");
}

/* select(x < CONSTANT, x, CONSTANT), in any order. */
static void keep_bound(struct lowering *lowering, LLVMValueRef select)
{
    LLVMValueRef comparison = LLVMGetOperand(select, 0), value, opaque;
    unsigned compared, chosen;

    if (!LLVMIsAICmpInst(comparison) || !is_word(LLVMTypeOf(select)))
        return;
    compared = LLVMIsAConstant(LLVMGetOperand(comparison, 0)) ? 1 : 0;
    chosen = LLVMIsAConstant(LLVMGetOperand(select, 1)) ? 2 : 1;
    value = LLVMGetOperand(comparison, compared);
    if (LLVMIsAConstant(value) || value != LLVMGetOperand(select, chosen) ||
        !LLVMIsAConstant(LLVMGetOperand(comparison, 1 - compared)) ||
        !LLVMIsAConstant(LLVMGetOperand(select, 3 - chosen)))
        return;
    opaque = make_opaque(lowering, comparison, value);
    LLVMSetOperand(comparison, compared, opaque);
    LLVMSetOperand(select, chosen, opaque);
}

void lower_bounds(struct lowering *lowering)
{
    lower_hold_copies(lowering);
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
                if (LLVMIsASelectInst(i))
                    keep_bound(lowering, i);
}
