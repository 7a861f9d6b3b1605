/*
 * Parts of table methods that may become functions of their own: sending an event, making an
 * element. A program that needs one at a single place has it inlined; one that needs it at several
 * (execsnoop sends 20 events in a row) calls a BPF function, which the loader puts behind the
 * program. The prelude marks these parts LBPF_OUTLINE, and they know nothing of the user's lines;
 * the verifier wants a name and a line for each function, so it gets the line of a call.
 */
#include "reads.h"

#include <string.h>

/* In this order, as adding makes what is not there. A call costs about 2 ns more: adding is done
 * often, so fewer instructions have to come of it. */
static const struct part {
    const char *prefix;
    unsigned places; /* from this many on it is a function */
} parts[] = {{"__lbpf_add_", 3}, {"__lbpf_make_", 2}, {"__lbpf_send_", 2}};

static bool is_part(LLVMValueRef function, const struct part *part)
{
    size_t size;

    return !LLVMIsDeclaration(function) && LLVMGetLinkage(function) == LLVMInternalLinkage &&
           lower_has_prefix(LLVMGetValueName2(function, &size), part->prefix);
}

static bool is_outlined(LLVMValueRef function)
{
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (is_part(function, &parts[i]))
            return true;
    return false;
}

static LLVMValueRef caller_of(LLVMValueRef call)
{
    return LLVMGetBasicBlockParent(LLVMGetInstructionParent(call));
}

/* Calls of function in the function of `call`. */
static unsigned count_beside(LLVMValueRef function, LLVMValueRef call)
{
    unsigned count = 0;

    for (LLVMUseRef use = LLVMGetFirstUse(function); use; use = LLVMGetNextUse(use))
        count += caller_of(LLVMGetUser(use)) == caller_of(call);
    return count;
}

static void mark_inline(struct lowering *lowering, LLVMValueRef call)
{
    static const char name[] = "alwaysinline";
    unsigned kind = LLVMGetEnumAttributeKindForName(name, sizeof name - 1);

    LLVMAddCallSiteAttribute(call, FUNCTION_ATTRIBUTES,
                             LLVMCreateEnumAttribute(lowering->context, kind, 0));
}

/* A call that stays, or NULL. */
static LLVMValueRef mark_calls(struct lowering *lowering, LLVMValueRef function, unsigned places)
{
    LLVMValueRef kept = NULL;

    for (LLVMUseRef use = LLVMGetFirstUse(function); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef call = LLVMGetUser(use);

        if (count_beside(function, call) < places)
            mark_inline(lowering, call);
        else
            kept = call;
    }
    return kept;
}

/* Debug info that says `int name(void)` at the line of call: parameters would need names. */
static void describe(struct lowering *lowering, LLVMValueRef function, LLVMValueRef call)
{
    LLVMDIBuilderRef builder = LLVMCreateDIBuilderDisallowUnresolved(lowering->module);
    LLVMMetadataRef program = LLVMGetSubprogram(caller_of(call)), own, type, position;
    LLVMMetadataRef result, file;
    unsigned line;
    size_t size;
    const char *name = LLVMGetValueName2(function, &size);

    lower_build_at(lowering, call);
    position = LLVMGetCurrentDebugLocation2(lowering->builder);
    line = position ? LLVMDILocationGetLine(position) : LLVMDISubprogramGetLine(program);
    file = LLVMDIScopeGetFile(program);
    result = LLVMDIBuilderCreateBasicType(builder, "int", 3, 32, 5, LLVMDIFlagZero);
    type = LLVMDIBuilderCreateSubroutineType(builder, file, &result, 1, LLVMDIFlagZero);
    own = LLVMDIBuilderCreateFunction(builder, file, name, size, "", 0, file, line, type, 1, 1,
                                      line, LLVMDIFlagZero, 1);
    lower_set_unit(own, program);
    LLVMSetSubprogram(function, own);
    position = LLVMDIBuilderCreateDebugLocation(lowering->context, line, 0, own, NULL);
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
            LLVMInstructionSetDebugLoc(i, position);
    LLVMDisposeDIBuilder(builder);
}

bool lower_outline(struct lowering *lowering, unsigned round)
{
    if (round >= sizeof parts / sizeof *parts)
        return false;
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f)) {
        LLVMValueRef call = NULL;

        if (is_part(f, &parts[round]))
            call = mark_calls(lowering, f, parts[round].places);
        if (call && LLVMGetSubprogram(caller_of(call)))
            describe(lowering, f, call);
    }
    return true;
}

bool lower_calls_outlined(struct lowering *lowering, LLVMValueRef function)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f)) {
        if (!is_outlined(f))
            continue;
        for (LLVMUseRef use = LLVMGetFirstUse(f); use; use = LLVMGetNextUse(use))
            if (caller_of(LLVMGetUser(use)) == function)
                return true;
    }
    return false;
}
