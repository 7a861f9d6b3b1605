/*
 * The order of the lowering, and what its steps share.
 */
#include "reads.h"

#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if LLVM_VERSION_MAJOR >= 18
#define INSTCOMBINE "instcombine<no-verify-fixpoint>"
#else
#define INSTCOMBINE "instcombine"
#endif

static void print_message(LLVMValueRef instruction, const char *kind, const char *format,
                          va_list arguments)
{
    char position[512];

    lower_position(instruction, position, sizeof position);
    fprintf(stderr, "%s: %s: ", position, kind);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void lower_error(struct lowering *lowering, LLVMValueRef instruction, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_message(instruction, "error: luabpf", format, arguments);
    va_end(arguments);
    lowering->error_count++;
}

void lower_warning(struct lowering *lowering, LLVMValueRef instruction, const char *format, ...)
{
    va_list arguments;

    (void)lowering;
    va_start(arguments, format);
    print_message(instruction, "warning", format, arguments);
    va_end(arguments);
}

void lower_stop_on_errors(const struct lowering *lowering)
{
    if (lowering->error_count) {
        fflush(stderr);
        exit(1);
    }
}

bool lower_is_program(LLVMValueRef function)
{
    LLVMLinkage linkage = LLVMGetLinkage(function);

    return !LLVMIsDeclaration(function) && linkage != LLVMInternalLinkage &&
           linkage != LLVMPrivateLinkage;
}

/* The line where the function of instruction begins: for code that stands before the user's own. */
static LLVMMetadataRef first_line(struct lowering *lowering, LLVMValueRef instruction)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction));
    LLVMMetadataRef program = LLVMGetSubprogram(function);

    return program ? LLVMDIBuilderCreateDebugLocation(
                         lowering->context, LLVMDISubprogramGetLine(program), 0, program, NULL)
                   : NULL;
}

void lower_build_at(struct lowering *lowering, LLVMValueRef instruction)
{
    LLVMMetadataRef position = LLVMInstructionGetDebugLoc(instruction);

    LLVMPositionBuilderBefore(lowering->builder, instruction);
    LLVMSetCurrentDebugLocation2(lowering->builder, position && LLVMDILocationGetLine(position)
                                                        ? position
                                                        : first_line(lowering, instruction));
}

LLVMValueRef lower_stack_slot(struct lowering *lowering, LLVMValueRef instruction, LLVMTypeRef type)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction));
    LLVMValueRef first = LLVMGetFirstInstruction(LLVMGetEntryBasicBlock(function));
    LLVMBasicBlockRef block = LLVMGetInsertBlock(lowering->builder);
    LLVMMetadataRef position = LLVMGetCurrentDebugLocation2(lowering->builder);
    LLVMValueRef slot;

    (void)block;
    LLVMPositionBuilderBefore(lowering->builder, first);
    LLVMSetCurrentDebugLocation2(lowering->builder, NULL);
    slot = LLVMBuildAlloca(lowering->builder, type, "");
    LLVMPositionBuilderBefore(lowering->builder, instruction);
    LLVMSetCurrentDebugLocation2(lowering->builder, position);
    return slot;
}

LLVMValueRef lower_call_helper(struct lowering *lowering, unsigned id, LLVMValueRef *arguments,
                               unsigned count)
{
    LLVMTypeRef types[5];
    LLVMTypeRef type;
    LLVMValueRef helper = LLVMConstIntToPtr(LLVMConstInt(lowering->i64, id, 0), lowering->pointer);

    for (unsigned i = 0; i < count; i++)
        types[i] = LLVMTypeOf(arguments[i]);
    type = LLVMFunctionType(lowering->i64, types, count, 0);
    return LLVMBuildCall2(lowering->builder, type, helper, arguments, count, "");
}

unsigned lower_helper_of_call(LLVMValueRef call)
{
    LLVMValueRef callee = LLVMGetCalledValue(call);

    if (!LLVMIsAConstantExpr(callee) || LLVMGetConstOpcode(callee) != LLVMIntToPtr)
        return 0;
    callee = LLVMGetOperand(callee, 0);
    if (!LLVMIsAConstantInt(callee) || LLVMConstIntGetZExtValue(callee) > 1000)
        return 0;
    return (unsigned)LLVMConstIntGetZExtValue(callee);
}

const char *lower_callee_name(LLVMValueRef call)
{
    LLVMValueRef callee = LLVMGetCalledValue(call);
    size_t size;

    return LLVMIsAFunction(callee) ? LLVMGetValueName2(callee, &size) : "";
}

bool lower_has_suffix(const char *name, const char *suffix)
{
    size_t size = strlen(name), suffix_size = strlen(suffix);

    return size > suffix_size && !strcmp(name + size - suffix_size, suffix);
}

bool lower_has_prefix(const char *name, const char *prefix)
{
    return !strncmp(name, prefix, strlen(prefix));
}

void lower_run_passes(struct lowering *lowering, const char *passes)
{
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef error = LLVMRunPasses(lowering->module, passes, NULL, options);

    if (error) {
        char *message = LLVMGetErrorMessage(error);

        fprintf(stderr, "error: luabpf: LLVM refused the passes \"%s\": %s\n", passes, message);
        LLVMDisposeErrorMessage(message);
        lowering->error_count++;
    }
    LLVMDisposePassBuilderOptions(options);
}

static bool has_attribute(LLVMValueRef function, const char *name)
{
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));

    return LLVMGetEnumAttributeAtIndex(function, FUNCTION_ATTRIBUTES, kind) != NULL;
}

/* Whether every use of function is a direct call of it (a callback for bpf_loop is not). */
static bool is_only_called(LLVMValueRef function)
{
    for (LLVMUseRef use = LLVMGetFirstUse(function); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);

        if (!LLVMIsACallInst(user) || LLVMGetCalledValue(user) != function)
            return false;
    }
    return true;
}

/* First parameters that make a function a program even when another function calls it. */
static bool takes_context(LLVMValueRef function)
{
    const char *type = lower_context_type(function);

    return LLVMCountParams(function) > 0 &&
           (!strcmp(type, "pt_regs") || !strcmp(type, "bpf_raw_tracepoint_args") ||
            !strcmp(type, "bpf_perf_event_data") || lower_has_prefix(type, "tracepoint__") ||
            lower_is_network_context(type));
}

/* A function that others call and that takes no context is a helper, static or not. */
static void hide_helpers(struct lowering *lowering)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        if (lower_is_program(f) && LLVMGetFirstUse(f) && is_only_called(f) && !takes_context(f))
            LLVMSetLinkage(f, LLVMInternalLinkage);
}

/* As in BCC, what a program calls becomes part of it, so that reads are understood in context. The
 * user's noinline and callbacks stay functions of their own. */
static void mark_inline(struct lowering *lowering)
{
    const char *name = "alwaysinline";
    unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));

    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f)) {
        if (LLVMIsDeclaration(f) || has_attribute(f, "noinline") || has_attribute(f, "optnone") ||
            !is_only_called(f))
            continue;
        LLVMAddAttributeAtIndex(f, FUNCTION_ATTRIBUTES,
                                LLVMCreateEnumAttribute(lowering->context, kind, 0));
    }
}

static struct lowering start(LLVMModuleRef module)
{
    LLVMContextRef context = LLVMGetModuleContext(module);

    return (struct lowering){
        .module = module,
        .context = context,
        .builder = LLVMCreateBuilderInContext(context),
        .i8 = LLVMInt8TypeInContext(context),
        .i32 = LLVMInt32TypeInContext(context),
        .i64 = LLVMInt64TypeInContext(context),
        .pointer = LLVMPointerTypeInContext(context, 0),
        .nothing = LLVMVoidTypeInContext(context),
    };
}

static void end(struct lowering *lowering)
{
    LLVMDisposeBuilder(lowering->builder);
    lower_stop_on_errors(lowering);
}

void lower_module(LLVMModuleRef module)
{
    struct lowering lowering = start(module);

    lower_packets(&lowering);
    /* early-cse folds the loads of method pointers, so that methods are called by name. */
    lower_run_passes(&lowering, "globalopt,function(early-cse)");
    lower_methods(&lowering);
    hide_helpers(&lowering);
    mark_inline(&lowering);
    lower_run_passes(&lowering, "always-inline,globaldce,function(sroa,early-cse,simplifycfg)");
    lower_bounds(&lowering);
    lower_run_passes(&lowering, "function(" INSTCOMBINE ",simplifycfg,sroa,early-cse)");
    lower_parameters(&lowering);
    if (lower_usdt(&lowering))
        lower_run_passes(&lowering, "always-inline,globaldce,function(sroa,early-cse,simplifycfg)");
    lower_printk(&lowering);
    lower_bit_fields(&lowering);
    lower_reads(&lowering);
    for (unsigned round = 0; lower_outline(&lowering, round); round++)
        lower_run_passes(&lowering, "always-inline,globaldce");
    lower_overwritten(&lowering);
    lower_stack(&lowering);
    lower_finish(&lowering);
    end(&lowering);
}

void lower_optimized(LLVMModuleRef module)
{
    struct lowering lowering = start(module);

    lower_saturation(&lowering);
    lower_check(&lowering);
    end(&lowering);
}
