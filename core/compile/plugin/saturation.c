/*
 * `n > 0 ? n - 1 : 0` is one operation to LLVM, which BPF has not; what the back end makes of it
 * computes a carry as a number first, in nine instructions. A comparison and a choice take four,
 * and show the verifier how large the result can be. This runs when everything is optimized, or
 * LLVM would find the operation again.
 */
#include "lower.h"

static void expand(struct lowering *lowering, LLVMValueRef call)
{
    LLVMValueRef left = LLVMGetOperand(call, 0), right = LLVMGetOperand(call, 1);
    LLVMValueRef is_more, rest, result;

    lower_build_at(lowering, call);
    is_more = LLVMBuildICmp(lowering->builder, LLVMIntUGT, left, right, "");
    rest = LLVMBuildSub(lowering->builder, left, right, "");
    result = LLVMBuildSelect(lowering->builder, is_more, rest, LLVMConstNull(LLVMTypeOf(left)), "");
    LLVMReplaceAllUsesWith(call, result);
    LLVMInstructionEraseFromParent(call);
}

void lower_saturation(struct lowering *lowering)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
                next = LLVMGetNextInstruction(i);
                if (LLVMIsACallInst(i) && lower_has_prefix(lower_callee_name(i), "llvm.usub.sat.i"))
                    expand(lowering, i);
            }
}
