/*
 * Calls of table methods. A method that takes optional arguments, or that notes the type of what is
 * sent, is declared variadic in the prelude; here the call becomes one with the exact arguments of
 * the inline function behind it, which then inlines like any other.
 */
#include "lower.h"

#include <stdio.h>
#include <string.h>

/* What an argument that was left out means: one for increment(key), nothing elsewhere. */
static unsigned long long default_argument(const char *method)
{
    return lower_has_suffix(method, "increment") ? 1 : 0;
}

static LLVMValueRef convert(struct lowering *lowering, LLVMValueRef value, LLVMTypeRef type)
{
    LLVMTypeRef from = LLVMTypeOf(value);

    if (from == type)
        return value;
    if (LLVMGetTypeKind(from) == LLVMIntegerTypeKind &&
        LLVMGetTypeKind(type) == LLVMIntegerTypeKind)
        return LLVMBuildIntCast2(lowering->builder, value, type, 1, "");
    if (LLVMGetTypeKind(from) == LLVMPointerTypeKind &&
        LLVMGetTypeKind(type) == LLVMIntegerTypeKind)
        return LLVMBuildPtrToInt(lowering->builder, value, type, "");
    if (LLVMGetTypeKind(from) == LLVMIntegerTypeKind &&
        LLVMGetTypeKind(type) == LLVMPointerTypeKind)
        return LLVMBuildIntToPtr(lowering->builder, value, type, "");
    return NULL;
}

/* Attributes of parameters (byval above all) decide how a struct key is passed: keep them. */
static void copy_parameter_attributes(LLVMValueRef function, LLVMValueRef call, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        LLVMAttributeRef attributes[16];
        unsigned n = LLVMGetAttributeCountAtIndex(function, i);

        if (n > 16)
            continue;
        LLVMGetAttributesAtIndex(function, i, attributes);
        for (unsigned k = 0; k < n; k++)
            LLVMAddCallSiteAttribute(call, i, attributes[k]);
    }
}

static void call_exactly(struct lowering *lowering, LLVMValueRef call, LLVMValueRef function)
{
    LLVMTypeRef type = LLVMGlobalGetValueType(function);
    unsigned count = LLVMCountParamTypes(type), given = LLVMGetNumArgOperands(call);
    LLVMTypeRef types[8];
    LLVMValueRef arguments[8], exact;
    const char *name = lower_callee_name(call);

    if (count > 8 || given > count) {
        lower_error(lowering, call, "too many arguments for %s", name);
        return;
    }
    LLVMGetParamTypes(type, types);
    lower_build_at(lowering, call);
    for (unsigned i = 0; i < count; i++) {
        arguments[i] = i < given ? convert(lowering, LLVMGetOperand(call, i), types[i])
                                 : LLVMConstInt(types[i], default_argument(name), 0);
        if (!arguments[i]) {
            lower_error(lowering, call, "argument %u of %s has the wrong type", i + 1, name);
            return;
        }
    }
    exact = LLVMBuildCall2(lowering->builder, type, function, arguments, count, "");
    copy_parameter_attributes(function, exact, count);
    LLVMReplaceAllUsesWith(call, exact);
    LLVMInstructionEraseFromParent(call);
}

/*
 * The last argument of perf_submit and its like is __builtin_btf_type_id(data), which carries the C
 * type of data. By now the BPF back end has made of it a load of a global with the type attached:
 *     %1 = load i64, ptr @"llvm.btf_type_id.0$0"    ; !llvm.preserve.access.index
 *     %2 = call i64 @llvm.bpf.passthrough(i32 0, i64 %1)
 * Returns that type, and takes the three away.
 */
static LLVMMetadataRef take_type(struct lowering *lowering, LLVMValueRef value)
{
    unsigned kind = LLVMGetMDKindIDInContext(lowering->context, "llvm.preserve.access.index", 26);
    LLVMMetadataRef type = NULL;
    LLVMValueMetadataEntry *entries;
    LLVMValueRef load, global;
    size_t count;

    if (!LLVMIsACallInst(value) ||
        !lower_has_prefix(lower_callee_name(value), "llvm.bpf.passthrough"))
        return NULL;
    load = LLVMGetOperand(value, 1);
    if (!LLVMIsALoadInst(load) || !LLVMIsAGlobalVariable(LLVMGetOperand(load, 0)))
        return NULL;
    global = LLVMGetOperand(load, 0);
    entries = LLVMGlobalCopyAllMetadata(global, &count);
    for (unsigned i = 0; i < count; i++)
        if (LLVMValueMetadataEntriesGetKind(entries, i) == kind)
            type = LLVMValueMetadataEntriesGetMetadata(entries, i);
    LLVMDisposeValueMetadataEntries(entries);
    LLVMReplaceAllUsesWith(value, LLVMConstInt(LLVMTypeOf(value), 0, 0));
    LLVMInstructionEraseFromParent(value);
    LLVMInstructionEraseFromParent(load);
    if (!LLVMGetFirstUse(global))
        LLVMDeleteGlobal(global);
    return type;
}

/* Keeps the type of what is sent in the object, under the table's name. */
static void note_event_type(struct lowering *lowering, LLVMValueRef call, const char *method)
{
    static const char *const senders[] = {"__perf_submit", "__ringbuf_output", "__ringbuf_submit"};
    unsigned given = LLVMGetNumArgOperands(call);

    for (size_t i = 0; i < sizeof senders / sizeof *senders; i++) {
        LLVMMetadataRef type;
        char name[256];

        if (!given || !lower_has_suffix(method, senders[i]))
            continue;
        type = take_type(lowering, LLVMGetOperand(call, given - 1));
        if (!type)
            return;
        snprintf(name, sizeof name, "__lbpf_event_%.*s", (int)(strlen(method) - strlen(senders[i])),
                 method);
        lower_keep_type(lowering, name, type);
        return;
    }
}

/* All elements of an array are there from the start, so insert() always says that it exists. */
static void check_insert(struct lowering *lowering, LLVMValueRef call, const char *method)
{
    enum { ARRAY = 2, PER_CPU_ARRAY = 6 };
    static const char suffix[] = "__insert";
    char name[256];
    LLVMValueRef map;
    unsigned type;

    if (!lower_has_suffix(method, suffix))
        return;
    snprintf(name, sizeof name, "__lbpf_map_%.*s", (int)(strlen(method) - (sizeof suffix - 1)),
             method);
    map = LLVMGetNamedGlobal(lowering->module, name);
    type = map ? lower_map_type(lowering, map) : 0;
    if (type == ARRAY || type == PER_CPU_ARRAY)
        lower_warning(lowering, call,
                      "insert() into an array does nothing: all of its elements exist from the "
                      "start; update() sets one");
}

void lower_methods(struct lowering *lowering)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
                LLVMValueRef callee;

                next = LLVMGetNextInstruction(i);
                if (!LLVMIsACallInst(i))
                    continue;
                callee = LLVMGetCalledValue(i);
                if (!LLVMIsAFunction(callee) || LLVMIsDeclaration(callee))
                    continue;
                note_event_type(lowering, i, lower_callee_name(i));
                check_insert(lowering, i, lower_callee_name(i));
                if (LLVMGetCalledFunctionType(i) != LLVMGlobalGetValueType(callee))
                    call_exactly(lowering, i, callee);
            }
}
