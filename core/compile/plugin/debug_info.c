/*
 * Questions to debug info that LLVM's C interface has no name for. See debug_info.h.
 */
#include "debug_info.h"
#include "reads.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

LLVMMetadataRef debug_operand(LLVMContextRef context, LLVMMetadataRef node, unsigned index)
{
    LLVMValueRef value, operands[1024];
    unsigned count;

    if (!node)
        return NULL;
    value = LLVMMetadataAsValue(context, node);
    count = (unsigned)LLVMGetMDNodeNumOperands(value);
    if (index >= count || count > 1024)
        return NULL;
    LLVMGetMDNodeOperands(value, operands);
    return operands[index] ? LLVMValueAsMetadata(operands[index]) : NULL;
}

bool debug_is_kind(LLVMMetadataRef node, LLVMMetadataKind kind)
{
    return node && LLVMGetMetadataKind(node) == kind;
}

const char *lower_context_type(LLVMValueRef function)
{
    LLVMContextRef context = LLVMGetModuleContext(LLVMGetGlobalParent(function));
    LLVMMetadataRef node = LLVMGetSubprogram(function);
    size_t size;
    const char *name;

    node = debug_operand(context, node, SUBPROGRAM_TYPE);
    node = debug_operand(context, node, SUBROUTINE_TYPES);
    node = debug_operand(context, node, 1);
    for (int depth = 0; debug_is_kind(node, LLVMDIDerivedTypeMetadataKind) && depth < 16; depth++)
        node = debug_operand(context, node, DERIVED_BASE);
    if (!debug_is_kind(node, LLVMDICompositeTypeMetadataKind))
        return "";
    name = LLVMDITypeGetName(node, &size);
    return size ? name : "";
}

LLVMMetadataRef debug_strip(LLVMContextRef context, LLVMMetadataRef type)
{
    for (int depth = 0; depth < 32 && debug_is_kind(type, LLVMDIDerivedTypeMetadataKind); depth++) {
        if (LLVMDITypeGetSizeInBits(type))
            break;
        type = debug_operand(context, type, DERIVED_BASE);
    }
    return type;
}

LLVMMetadataRef debug_type_of_global(LLVMContextRef context, LLVMValueRef global)
{
    unsigned kind = LLVMGetMDKindIDInContext(context, "dbg", 3);
    LLVMMetadataRef variable = NULL;
    size_t count;
    LLVMValueMetadataEntry *entries = LLVMGlobalCopyAllMetadata(global, &count);

    for (unsigned i = 0; i < count; i++)
        if (LLVMValueMetadataEntriesGetKind(entries, i) == kind)
            variable = LLVMDIGlobalVariableExpressionGetVariable(
                LLVMValueMetadataEntriesGetMetadata(entries, i));
    LLVMDisposeValueMetadataEntries(entries);
    return debug_strip(context, debug_operand(context, variable, VARIABLE_TYPE));
}

/* Bits of what a member of a map's declaration points to: the key's type, or int[size]. */
static unsigned long long declared_bits(struct lowering *lowering, LLVMValueRef map,
                                        const char *wanted)
{
    LLVMMetadataRef elements, member;

    if (!LLVMIsAGlobalVariable(map))
        return 0;
    elements = debug_operand(lowering->context, debug_type_of_global(lowering->context, map),
                             COMPOSITE_ELEMENTS);
    for (unsigned i = 0; (member = debug_operand(lowering->context, elements, i)); i++) {
        size_t length;
        const char *name = LLVMDITypeGetName(member, &length);
        LLVMMetadataRef pointer, pointee;

        if (length != strlen(wanted) || memcmp(name, wanted, length) != 0)
            continue;
        pointer =
            debug_strip(lowering->context, debug_operand(lowering->context, member, DERIVED_BASE));
        pointee =
            debug_strip(lowering->context, debug_operand(lowering->context, pointer, DERIVED_BASE));
        return pointee ? LLVMDITypeGetSizeInBits(pointee) : 0;
    }
    return 0;
}

unsigned long long lower_map_size(struct lowering *lowering, LLVMValueRef map, bool is_key)
{
    unsigned long long bits = declared_bits(lowering, map, is_key ? "key" : "value");

    return bits ? bits / 8 : declared_bits(lowering, map, is_key ? "key_size" : "value_size") / 32;
}

unsigned lower_map_type(struct lowering *lowering, LLVMValueRef map)
{
    return (unsigned)(declared_bits(lowering, map, "type") / 32);
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
    if (!debug_is_kind(type, LLVMDIDerivedTypeMetadataKind)) /* an array, which decays on its way */
        type = LLVMDIBuilderCreatePointerType(builder, type, 64, 0, 0, "", 0);
    variable = LLVMDIBuilderCreateGlobalVariableExpression(
        builder, NULL, name, strlen(name), name, strlen(name), NULL, 0, type, 0,
        LLVMDIBuilderCreateExpression(builder, NULL, 0), NULL, 0);
    LLVMGlobalSetMetadata(global, LLVMGetMDKindIDInContext(lowering->context, "dbg", 3), variable);
    LLVMDisposeDIBuilder(builder);
}

/* A member of a map's declaration that says a number: int (*name)[number] */
static LLVMMetadataRef number_member(LLVMDIBuilderRef builder, const char *name, unsigned index,
                                     unsigned long long number)
{
    LLVMMetadataRef type = LLVMDIBuilderCreateBasicType(builder, "int", 3, 32, 5, LLVMDIFlagZero);
    LLVMMetadataRef range = LLVMDIBuilderGetOrCreateSubrange(builder, 0, (int64_t)number);

    type = LLVMDIBuilderCreateArrayType(builder, number * 32, 0, type, &range, 1);
    type = LLVMDIBuilderCreatePointerType(builder, type, 64, 0, 0, "", 0);
    return LLVMDIBuilderCreateMemberType(builder, NULL, name, strlen(name), NULL, 0, 64, 0,
                                         index * 64ull, LLVMDIFlagZero, type);
}

void lower_describe_array(struct lowering *lowering, LLVMValueRef map, unsigned type,
                          unsigned long long entries, unsigned long long value_size)
{
    LLVMDIBuilderRef builder = LLVMCreateDIBuilderDisallowUnresolved(lowering->module);
    size_t length;
    const char *name = LLVMGetValueName2(map, &length);
    LLVMMetadataRef members[4] = {
        number_member(builder, "type", 0, type),
        number_member(builder, "max_entries", 1, entries),
        number_member(builder, "key_size", 2, 4),
        number_member(builder, "value_size", 3, value_size),
    };
    LLVMMetadataRef structure = LLVMDIBuilderCreateStructType(
        builder, NULL, "", 0, NULL, 0, 4 * 64, 0, LLVMDIFlagZero, NULL, members, 4, 0, NULL, "", 0);
    LLVMMetadataRef variable = LLVMDIBuilderCreateGlobalVariableExpression(
        builder, NULL, name, length, name, length, NULL, 0, structure, 0,
        LLVMDIBuilderCreateExpression(builder, NULL, 0), NULL, 0);

    LLVMGlobalSetMetadata(map, LLVMGetMDKindIDInContext(lowering->context, "dbg", 3), variable);
    LLVMDisposeDIBuilder(builder);
}

/* clang cuts what a file's path shares with the working folder off its name and keeps it as the
 * file's folder; a name that was relative from the start has the working folder itself. */
static void file_path(LLVMMetadataRef file, char *path, size_t size)
{
    unsigned name_size, folder_size;
    const char *name = LLVMDIFileGetFilename(file, &name_size);
    const char *folder = LLVMDIFileGetDirectory(file, &folder_size);
    char working[4096];

    if (!getcwd(working, sizeof working))
        working[0] = '\0';
    if ((name_size && name[0] == '/') || !folder_size ||
        (strlen(working) == folder_size && !memcmp(working, folder, folder_size)))
        folder_size = 0;
    snprintf(path, size, "%.*s%s%.*s", (int)folder_size, folder, folder_size ? "/" : "",
             (int)name_size, name);
}

void lower_position(LLVMValueRef instruction, char *text, size_t size)
{
    LLVMMetadataRef location = LLVMInstructionGetDebugLoc(instruction), scope, file;
    char path[4096] = "";

    if (!location) {
        snprintf(text, size, "<unknown>");
        return;
    }
    scope = LLVMDILocationGetScope(location);
    file = scope ? LLVMDIScopeGetFile(scope) : NULL;
    if (file)
        file_path(file, path, sizeof path);
    snprintf(text, size, "%s:%u:%u", path, LLVMDILocationGetLine(location),
             LLVMDILocationGetColumn(location));
}
