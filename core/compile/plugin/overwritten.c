/*
 * Zeros that nobody sees. `struct event e = {}; bpf_probe_read_kernel(&e.path, sizeof e.path,
 * path)` sets path twice, as LLVM does not know that the helper writes all of it (when it fails,
 * zeros). Here LLVM's own dead store elimination is told so, by a memset of the same bytes before
 * the call and by what the call can touch, for as long as it runs. It takes away whole stores only,
 * so large ones are made of words first.
 */
#include "reads.h"

#include <string.h>

enum { WORD = 8, LARGEST_SPLIT = 256 };
enum { WRITTEN = 0, SIZE = 1, FROM = 2 }; /* arguments of all of these helpers */

/* Helpers that write to their first argument and otherwise touch nothing of the program's but what
 * is read; is_whole: as many bytes as the second argument says, whatever happens. */
static const struct writer {
    unsigned helper;
    bool is_whole;
} writers[] = {
    {4, true},    /* probe_read */
    {16, false},  /* get_current_comm: some kernels (6.1) write nothing behind the name's end */
    {45, false},  /* probe_read_str */
    {112, true},  /* probe_read_user */
    {113, true},  /* probe_read_kernel */
    {114, false}, /* probe_read_user_str */
    {115, false}, /* probe_read_kernel_str */
};

static LLVMValueRef variable_of(LLVMValueRef pointer)
{
    while (LLVMIsAGetElementPtrInst(pointer))
        pointer = LLVMGetOperand(pointer, 0);
    return LLVMIsAAllocaInst(pointer) ? pointer : NULL;
}

/* An address that is passed as a number could be any variable's. */
static bool takes_pointers(LLVMValueRef call)
{
    for (unsigned i = 0; i < LLVMGetNumArgOperands(call); i++)
        if (i != SIZE &&
            LLVMGetTypeKind(LLVMTypeOf(LLVMGetOperand(call, i))) != LLVMPointerTypeKind)
            return false;
    return LLVMGetNumArgOperands(call) > SIZE;
}

static const struct writer *writer_of(LLVMValueRef instruction)
{
    unsigned helper = LLVMIsACallInst(instruction) ? lower_helper_of_call(instruction) : 0;

    for (size_t i = 0; helper && i < sizeof writers / sizeof *writers; i++)
        if (writers[i].helper == helper && takes_pointers(instruction))
            return &writers[i];
    return NULL;
}

/* The bytes that a call certainly writes to a variable, none of which it reads; or 0. */
static unsigned long long bytes_written(LLVMValueRef instruction)
{
    const struct writer *writer = writer_of(instruction);
    LLVMValueRef size, variable;

    if (!writer || !writer->is_whole)
        return 0;
    size = LLVMGetOperand(instruction, SIZE);
    variable = variable_of(LLVMGetOperand(instruction, WRITTEN));
    if (!variable || !LLVMIsAConstantInt(size) ||
        (LLVMGetNumArgOperands(instruction) > FROM &&
         variable_of(LLVMGetOperand(instruction, FROM)) == variable))
        return 0;
    return LLVMConstIntGetZExtValue(size);
}

static bool is_memset(LLVMValueRef instruction)
{
    return LLVMIsACallInst(instruction) &&
           lower_has_prefix(lower_callee_name(instruction), "llvm.memset");
}

/* --- words ------------------------------------------------------------------------------------ */

static bool is_partly_overwritten(LLVMValueRef variable)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(variable));

    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            if (bytes_written(i) >= WORD && variable_of(LLVMGetOperand(i, WRITTEN)) == variable)
                return true;
    return false;
}

/* A memset of a whole variable with zero becomes stores of words, and one for the rest. */
static void split(struct lowering *lowering, LLVMValueRef call)
{
    LLVMValueRef to = LLVMGetOperand(call, 0), value = LLVMGetOperand(call, 1);
    LLVMValueRef size = LLVMGetOperand(call, 2);
    unsigned long long bytes = LLVMIsAConstantInt(size) ? LLVMConstIntGetZExtValue(size) : 0;
    unsigned long long at = 0;

    if (!LLVMIsAAllocaInst(to) || !LLVMIsAConstantInt(value) || LLVMConstIntGetZExtValue(value) ||
        bytes <= WORD || bytes > LARGEST_SPLIT || !is_partly_overwritten(to))
        return;
    if (LLVMGetAlignment(to) < WORD)
        LLVMSetAlignment(to, WORD);
    lower_build_at(lowering, call);
    for (unsigned width = WORD; width; width /= 2)
        for (; at + width <= bytes; at += width) {
            LLVMTypeRef type = LLVMIntTypeInContext(lowering->context, width * 8);
            LLVMValueRef store = LLVMBuildStore(lowering->builder, LLVMConstNull(type),
                                                lower_address_at(lowering, to, (long long)at));

            LLVMSetAlignment(store, width);
        }
    LLVMInstructionEraseFromParent(call);
}

/* --- what LLVM is told ------------------------------------------------------------------------ */

/* The call touches memory of the program by its arguments only, and keeps none of them. */
static void limit(struct lowering *lowering, LLVMValueRef call, bool is_on)
{
    enum { BY_ARGUMENTS_OR_OUT_OF_SIGHT = 15 };
    unsigned memory = LLVMGetEnumAttributeKindForName("memory", 6);
    unsigned kept = LLVMGetEnumAttributeKindForName("nocapture", 9);

    if (is_on)
        LLVMAddCallSiteAttribute(
            call, FUNCTION_ATTRIBUTES,
            LLVMCreateEnumAttribute(lowering->context, memory, BY_ARGUMENTS_OR_OUT_OF_SIGHT));
    else
        LLVMRemoveCallSiteEnumAttribute(call, FUNCTION_ATTRIBUTES, memory);
    for (unsigned i = 0; kept && i < LLVMGetNumArgOperands(call); i++) {
        if (LLVMGetTypeKind(LLVMTypeOf(LLVMGetOperand(call, i))) != LLVMPointerTypeKind)
            continue;
        if (is_on)
            LLVMAddCallSiteAttribute(call, i + 1,
                                     LLVMCreateEnumAttribute(lowering->context, kept, 0));
        else
            LLVMRemoveCallSiteEnumAttribute(call, i + 1, kept);
    }
}

static void tell(struct lowering *lowering, LLVMValueRef call)
{
    limit(lowering, call, true);
    if (bytes_written(call) < WORD)
        return;
    lower_build_at(lowering, call);
    LLVMBuildMemSet(lowering->builder, LLVMGetOperand(call, WRITTEN), LLVMGetUndef(lowering->i8),
                    LLVMConstInt(lowering->i64, bytes_written(call), 0), 1);
}

static void take_back(struct lowering *lowering, LLVMValueRef instruction)
{
    if (writer_of(instruction))
        limit(lowering, instruction, false);
    else if (is_memset(instruction) && LLVMIsUndef(LLVMGetOperand(instruction, 1)))
        LLVMInstructionEraseFromParent(instruction);
}

static void split_memset(struct lowering *lowering, LLVMValueRef instruction)
{
    if (is_memset(instruction))
        split(lowering, instruction);
}

static void tell_writer(struct lowering *lowering, LLVMValueRef instruction)
{
    if (writer_of(instruction))
        tell(lowering, instruction);
}

static void for_each(struct lowering *lowering, void (*act)(struct lowering *, LLVMValueRef))
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
                next = LLVMGetNextInstruction(i);
                act(lowering, i);
            }
}

void lower_overwritten(struct lowering *lowering)
{
    for_each(lowering, split_memset);
    for_each(lowering, tell_writer);
    lower_run_passes(lowering, "function(dse)");
    for_each(lowering, take_back);
}
