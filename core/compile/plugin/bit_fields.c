/*
 * Bit fields of relocated structures (portable objects). clang reads the bytes that hold the field
 * and takes it out by shifts that it knows, and the loader would only move the bytes: so this is
 * refused in favour of the macro that has the shifts relocated, too.
 *
 * What a relocation is called says what it is for: "llvm.TYPE:KIND:VALUE$PATH", where PATH is the
 * index into an array of TYPE and then that of each member on the way.
 */
#include "debug_info.h"

#include <stdlib.h>
#include <string.h>

/* The relocation whose offset was added to a pointer, or NULL. */
static LLVMValueRef relocation_of(LLVMValueRef pointer)
{
    size_t size;

    if (LLVMIsACallInst(pointer) &&
        lower_has_prefix(lower_callee_name(pointer), "llvm.bpf.passthrough"))
        pointer = LLVMGetOperand(pointer, 1);
    if (!LLVMIsAGetElementPtrInst(pointer) || LLVMGetNumOperands(pointer) != 2)
        return NULL;
    pointer = LLVMGetOperand(pointer, 1);
    if (!LLVMIsALoadInst(pointer) || !LLVMIsAGlobalVariable(LLVMGetOperand(pointer, 0)))
        return NULL;
    pointer = LLVMGetOperand(pointer, 0);
    return lower_has_prefix(LLVMGetValueName2(pointer, &size), "llvm.") ? pointer : NULL;
}

/* The member that a path leads to, or NULL. */
static LLVMMetadataRef member_at(struct lowering *lowering, LLVMMetadataRef type, const char *path)
{
    LLVMMetadataRef part = NULL;

    for (path = strchr(path, ':'); path; path = strchr(path + 1, ':')) {
        unsigned index = (unsigned)strtoul(path + 1, NULL, 10);

        type = debug_strip(lowering->context, type);
        if (!debug_is_kind(type, LLVMDICompositeTypeMetadataKind))
            return NULL;
        part = debug_operand(lowering->context, type, COMPOSITE_ELEMENTS);
        part = debug_operand(lowering->context, part, index);
        if (debug_is_kind(part, LLVMDIDerivedTypeMetadataKind)) {
            type = debug_operand(lowering->context, part, DERIVED_BASE);
        } else { /* an array */
            type = debug_operand(lowering->context, type, COMPOSITE_BASE);
            part = NULL;
        }
    }
    return part;
}

static void check_access(struct lowering *lowering, LLVMValueRef instruction, LLVMValueRef pointer)
{
    LLVMValueRef relocation = relocation_of(pointer), type;
    LLVMMetadataRef member = NULL;
    const char *path, *name;
    size_t size;

    if (!relocation)
        return;
    type = lower_global_metadata(relocation, "llvm.preserve.access.index");
    path = strchr(LLVMGetValueName2(relocation, &size), '$');
    if (type && path)
        member = member_at(lowering, LLVMValueAsMetadata(type), path);
    if (!member || !(LLVMDITypeGetFlags(member) & LLVMDIFlagBitField))
        return;
    name = LLVMDITypeGetName(member, &size);
    if (LLVMIsALoadInst(instruction))
        lower_error(lowering, instruction,
                    "the bits of %s lie elsewhere in other kernels, and this object is for them, "
                    "too; read it with BPF_CORE_READ_BITFIELD_PROBED(pointer, %s)",
                    name, name);
    else
        lower_error(lowering, instruction,
                    "the bits of %s lie elsewhere in other kernels, and this object is for them, "
                    "too; it can't be set",
                    name);
}

void lower_bit_fields(struct lowering *lowering)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
                if (LLVMIsALoadInst(i) || LLVMIsAStoreInst(i))
                    check_access(lowering, i, LLVMGetOperand(i, LLVMIsALoadInst(i) ? 0 : 1));
}
