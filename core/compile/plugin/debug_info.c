/*
 * Questions to debug info that LLVM's C interface has no name for. Its nodes are read by operand
 * number; the numbers are those of LLVM's DI classes and have been the same since LLVM 4.
 */
#include "lower.h"

#include <stdio.h>
#include <string.h>

enum {
    SUBPROGRAM_TYPE = 4,  /* DISubprogram: file, scope, name, linkage name, type, … */
    SUBROUTINE_TYPES = 3, /* DISubroutineType: …, …, …, types (result first) */
    DERIVED_BASE = 3,     /* DIDerivedType: file, scope, name, base type, … */
};

static LLVMMetadataRef operand(LLVMContextRef context, LLVMMetadataRef node, unsigned index)
{
    LLVMValueRef value, operands[32];
    unsigned count;

    if (!node)
        return NULL;
    value = LLVMMetadataAsValue(context, node);
    count = (unsigned)LLVMGetMDNodeNumOperands(value);
    if (index >= count || count > 32)
        return NULL;
    LLVMGetMDNodeOperands(value, operands);
    return operands[index] ? LLVMValueAsMetadata(operands[index]) : NULL;
}

static bool is_kind(LLVMMetadataRef node, LLVMMetadataKind kind)
{
    return node && LLVMGetMetadataKind(node) == kind;
}

const char *lower_context_type(LLVMValueRef function)
{
    LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    LLVMMetadataRef node = LLVMGetSubprogram(function);
    size_t size;
    const char *name;

    node = operand(context, node, SUBPROGRAM_TYPE);
    node = operand(context, node, SUBROUTINE_TYPES);
    node = operand(context, node, 1);
    for (int depth = 0; is_kind(node, LLVMDIDerivedTypeMetadataKind) && depth < 16; depth++)
        node = operand(context, node, DERIVED_BASE);
    if (!is_kind(node, LLVMDICompositeTypeMetadataKind))
        return "";
    name = LLVMDITypeGetName(node, &size);
    return size ? name : "";
}

void lower_keep_type(struct lowering *lowering, const char *name, LLVMMetadataRef type)
{
    LLVMDIBuilderRef builder = LLVMCreateDIBuilderDisallowUnresolved(lowering->module);
    LLVMValueRef global = LLVMGetNamedGlobal(lowering->module, name);
    LLVMMetadataRef variable;

    if (!global) {
        global = LLVMAddGlobal(lowering->module, lowering->pointer, name);
        LLVMSetInitializer(global, LLVMConstNull(lowering->pointer));
        LLVMSetSection(global, ".lbpf.events");
    }
    LLVMGlobalClearMetadata(global);
    if (!is_kind(type, LLVMDIDerivedTypeMetadataKind)) /* an array, which decays on its way */
        type = LLVMDIBuilderCreatePointerType(builder, type, 64, 0, 0, "", 0);
    variable = LLVMDIBuilderCreateGlobalVariableExpression(
        builder, NULL, name, strlen(name), name, strlen(name), NULL, 0, type, 0,
        LLVMDIBuilderCreateExpression(builder, NULL, 0), NULL, 0);
    LLVMGlobalSetMetadata(global, LLVMGetMDKindIDInContext(lowering->context, "dbg", 3), variable);
    LLVMDisposeDIBuilder(builder);
}

void lower_position(LLVMValueRef instruction, char *text, size_t size)
{
    LLVMMetadataRef location = LLVMInstructionGetDebugLoc(instruction), scope, file;
    unsigned length = 0;
    const char *name = "";

    if (!location) {
        snprintf(text, size, "<unknown>");
        return;
    }
    scope = LLVMDILocationGetScope(location);
    file = scope ? LLVMDIScopeGetFile(scope) : NULL;
    if (file)
        name = LLVMDIFileGetFilename(file, &length);
    snprintf(text, size, "%.*s:%u:%u", (int)length, name, LLVMDILocationGetLine(location),
             LLVMDILocationGetColumn(location));
}
