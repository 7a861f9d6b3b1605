/*
 * Parameters of probe functions. In `int f(struct pt_regs *ctx, struct sock *sk, int n)` sk and n
 * are the traced function's first two arguments; they come out of the saved registers. A function
 * named syscall__… (or kprobe____x64_sys_…) traces a system call's wrapper, whose only argument is
 * the registers of the caller, so there it is one step further.
 */
#include "lower.h"

#include <stdio.h>
#include <string.h>

enum { MAX_PARAMETERS = 6, OF_FUNCTION = 0, OF_SYSCALL = 1 };

static const char places_name[] = "lbpf_argument_places";

/* Where the prelude says that an argument lies in struct pt_regs. */
static unsigned place_of(struct lowering *lowering, unsigned row, unsigned index)
{
    LLVMValueRef global = LLVMGetNamedGlobal(lowering->module, places_name);
    LLVMValueRef places = LLVMGetAggregateElement(LLVMGetInitializer(global), row);

    return (unsigned)LLVMConstIntGetZExtValue(LLVMGetAggregateElement(places, index));
}

static bool is_syscall(const char *name)
{
    return lower_has_prefix(name, "syscall__") || lower_has_prefix(name, "kprobe____x64_sys_") ||
           lower_has_prefix(name, "kprobe____arm64_sys_");
}

static LLVMValueRef address_at(struct lowering *lowering, LLVMValueRef base, unsigned offset)
{
    LLVMValueRef index = LLVMConstInt(lowering->i64, offset, 0);

    return LLVMBuildInBoundsGEP2(lowering->builder, lowering->i8, base, &index, 1, "");
}

static LLVMValueRef convert_register(struct lowering *lowering, LLVMValueRef value,
                                     LLVMTypeRef type)
{
    switch (LLVMGetTypeKind(type)) {
    case LLVMPointerTypeKind:
        return LLVMBuildIntToPtr(lowering->builder, value, type, "");
    case LLVMIntegerTypeKind:
        return LLVMGetIntTypeWidth(type) <= 64
                   ? LLVMBuildIntCast2(lowering->builder, value, type, 0, "")
                   : NULL;
    default:
        return NULL;
    }
}

/* A struct of more than two registers comes as a pointer to a copy, which no register holds. */
static bool is_struct(LLVMValueRef function, unsigned index)
{
    return LLVMGetEnumAttributeAtIndex(function, index + 1,
                                       LLVMGetEnumAttributeKindForName("byval", 5)) != NULL;
}

/* Loads parameters in the new function's entry, from regs on: the context itself, or what its first
 * register points to (that load is then lowered like any other foreign read). */
static void load_parameters(struct lowering *lowering, LLVMValueRef from, LLVMValueRef context,
                            LLVMValueRef first)
{
    size_t size;
    const char *name = LLVMGetValueName2(from, &size);
    unsigned row = is_syscall(name) ? OF_SYSCALL : OF_FUNCTION;
    LLVMValueRef registers = context;

    lower_build_at(lowering, first);
    if (is_syscall(name)) {
        LLVMValueRef inner =
            LLVMBuildLoad2(lowering->builder, lowering->i64,
                           address_at(lowering, context, place_of(lowering, OF_FUNCTION, 0)), "");

        registers = LLVMBuildIntToPtr(lowering->builder, inner, lowering->pointer, "");
    }
    for (unsigned i = 1; i < LLVMCountParams(from); i++) {
        LLVMValueRef parameter = LLVMGetParam(from, i), value;

        if (!LLVMGetFirstUse(parameter))
            continue;
        value = LLVMBuildLoad2(lowering->builder, lowering->i64,
                               address_at(lowering, registers, place_of(lowering, row, i - 1)), "");
        value =
            is_struct(from, i) ? NULL : convert_register(lowering, value, LLVMTypeOf(parameter));
        if (!value) {
            lower_error(lowering, first,
                        "parameter %u of %s is no integer or pointer; take its address instead", i,
                        name);
            return;
        }
        LLVMReplaceAllUsesWith(parameter, value);
    }
}

/* A function of one parameter with the body of `from`, under its name. */
static LLVMValueRef move_to_program(struct lowering *lowering, LLVMValueRef from)
{
    LLVMTypeRef result = LLVMGetReturnType(LLVMGlobalGetValueType(from));
    LLVMTypeRef type = LLVMFunctionType(result, &lowering->pointer, 1, 0);
    LLVMValueRef program = LLVMAddFunction(lowering->module, "", type);
    LLVMAttributeRef attributes[64];
    unsigned count = LLVMGetAttributeCountAtIndex(from, FUNCTION_ATTRIBUTES);
    LLVMBasicBlockRef block;
    char name[512];
    size_t size;

    if (count <= 64) {
        LLVMGetAttributesAtIndex(from, FUNCTION_ATTRIBUTES, attributes);
        for (unsigned i = 0; i < count; i++)
            LLVMAddAttributeAtIndex(program, FUNCTION_ATTRIBUTES, attributes[i]);
    }
    while ((block = LLVMGetFirstBasicBlock(from))) {
        LLVMRemoveBasicBlockFromParent(block);
        LLVMAppendExistingBasicBlock(program, block);
    }
    LLVMReplaceAllUsesWith(LLVMGetParam(from, 0), LLVMGetParam(program, 0));
    load_parameters(lowering, from, LLVMGetParam(program, 0),
                    LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(program)));
    LLVMSetSubprogram(program, LLVMGetSubprogram(from));
    LLVMSetSubprogram(from, NULL);
    if (LLVMGetSection(from))
        LLVMSetSection(program, LLVMGetSection(from));
    LLVMSetLinkage(program, LLVMGetLinkage(from));
    snprintf(name, sizeof name, "%s", LLVMGetValueName2(from, &size));
    LLVMSetValueName2(from, "", 0);
    LLVMSetValueName2(program, name, strlen(name));
    LLVMReplaceAllUsesWith(from, program); /* llvm.used of functions with a section */
    LLVMDeleteFunction(from);
    return program;
}

/* noreg: first instruction with a position, for messages. */
static LLVMValueRef first_with_position(LLVMValueRef function)
{
    LLVMValueRef first = LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(function));

    for (LLVMValueRef i = first; i; i = LLVMGetNextInstruction(i))
        if (LLVMInstructionGetDebugLoc(i))
            return i;
    return first;
}

void lower_parameters(struct lowering *lowering)
{
    LLVMValueRef places;

    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module), next; f; f = next) {
        const char *name, *context_type;
        size_t size;

        next = LLVMGetNextFunction(f);
        if (!lower_is_program(f) || LLVMCountParams(f) < 2)
            continue;
        name = LLVMGetValueName2(f, &size);
        context_type = lower_context_type(f);
        if (strcmp(context_type, "pt_regs") != 0) {
            lower_error(
                lowering, first_with_position(f),
                "only a probe function has parameters after its context; the first one of %s "
                "is no struct pt_regs * (make the function static if it is no program)",
                name);
            continue;
        }
        if (LLVMCountParams(f) - 1 > MAX_PARAMETERS) {
            lower_error(lowering, first_with_position(f),
                        "too many parameters in %s: %u arguments come in registers", name,
                        MAX_PARAMETERS);
            continue;
        }
        move_to_program(lowering, f);
    }
    places = LLVMGetNamedGlobal(lowering->module, places_name);
    if (places)
        LLVMDeleteGlobal(places);
}
