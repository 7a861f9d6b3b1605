/*
 * Pointers whose type the verifier knows: arguments of fentry, fexit, LSM and typed tracepoint
 * programs, members of an iterator's context, the current task, and pointers to structures that are
 * read through those. A program may load through them directly; where one is NULL or bad the kernel
 * gives 0, as the helper does.
 *
 * The verifier goes from member to member by its own rules (btf_struct_walk in the kernel), so a
 * load is left to it only when the same walk over the C types leads somewhere: the types are
 * printed from the kernel's own BTF, and so have its members in its order. Everything else
 * (arithmetic, loops, accesses across members, types of the program's own) stays a call of the
 * helper.
 */
#include "debug_info.h"
#include "reads.h"

#include <stdio.h>
#include <string.h>

enum { MAX_STEPS = 64, MAX_CHAIN = 32, BYTE = 8, WORD = 8 };

/* Where a load from a structure ends. */
enum walk { WALK_REFUSED, WALK_NUMBER, WALK_POINTER };

static LLVMMetadataRef pointee_of(struct lowering *lowering, LLVMMetadataRef type)
{
    type = debug_strip(lowering->context, type);
    if (!debug_is_kind(type, LLVMDIDerivedTypeMetadataKind) ||
        LLVMDITypeGetSizeInBits(type) != WORD * BYTE)
        return NULL;
    return debug_strip(lowering->context, debug_operand(lowering->context, type, DERIVED_BASE));
}

static bool has_elements_of(struct lowering *lowering, LLVMMetadataRef type, LLVMMetadataKind kind)
{
    LLVMMetadataRef elements;

    if (!debug_is_kind(type, LLVMDICompositeTypeMetadataKind))
        return false;
    elements = debug_operand(lowering->context, type, COMPOSITE_ELEMENTS);
    return debug_is_kind(debug_operand(lowering->context, elements, 0), kind);
}

/* A struct or union with its members, in the text that was printed from the kernel's BTF. */
static bool is_kernel_structure(struct lowering *lowering, LLVMMetadataRef type)
{
    LLVMMetadataRef file;
    unsigned size;
    const char *name;

    if (!has_elements_of(lowering, type, LLVMDIDerivedTypeMetadataKind))
        return false;
    file = LLVMDIScopeGetFile(type);
    name = file ? LLVMDIFileGetFilename(file, &size) : "";
    return !strcmp(name, "kernel types");
}

/* An array's element, of however many dimensions. */
static LLVMMetadataRef element_of(struct lowering *lowering, LLVMMetadataRef type)
{
    while (has_elements_of(lowering, type, LLVMDISubrangeMetadataKind))
        type =
            debug_strip(lowering->context, debug_operand(lowering->context, type, COMPOSITE_BASE));
    return type;
}

struct place {
    LLVMMetadataRef type;        /* a structure */
    unsigned long long at, size; /* bytes in it */
};

/* A bit-field is read whole, or not at all. */
static bool covers_bit_field(const struct place *place, LLVMMetadataRef member)
{
    unsigned long long first = LLVMDITypeGetOffsetInBits(member);
    unsigned long long end = (first + LLVMDITypeGetSizeInBits(member) + BYTE - 1) / BYTE;

    return place->at <= first / BYTE && end <= place->at + place->size;
}

/* One member of a structure. *found is false when the walk goes on behind it; *inside is set, and
 * the place moved there, when it is a structure of its own. */
static enum walk step(struct lowering *lowering, struct place *place, LLVMMetadataRef member,
                      bool *found, bool *inside)
{
    unsigned long long start = LLVMDITypeGetOffsetInBits(member) / BYTE, end;
    LLVMMetadataRef type =
        debug_strip(lowering->context, debug_operand(lowering->context, member, DERIVED_BASE));

    *found = true;
    if (place->at + place->size <= start)
        return WALK_REFUSED;
    if (LLVMDITypeGetFlags(member) & LLVMDIFlagBitField) {
        *found = covers_bit_field(place, member);
        return *found ? WALK_NUMBER : WALK_REFUSED;
    }
    if (place->at < start)
        return WALK_REFUSED;
    end = start + LLVMDITypeGetSizeInBits(type) / BYTE;
    *found = place->at < end;
    if (!*found)
        return WALK_REFUSED;
    if (has_elements_of(lowering, type, LLVMDISubrangeMetadataKind)) {
        unsigned long long size;

        type = element_of(lowering, type);
        size = LLVMDITypeGetSizeInBits(type) / BYTE;
        if (!size)
            return WALK_REFUSED;
        start += (place->at - start) / size * size;
        end = start + size;
    }
    if (has_elements_of(lowering, type, LLVMDIDerivedTypeMetadataKind)) {
        *inside = true;
        place->type = type;
        place->at -= start;
        return WALK_NUMBER;
    }
    if (pointee_of(lowering, type)) {
        if (place->at != start || place->size != WORD)
            return WALK_REFUSED;
        place->type = pointee_of(lowering, type);
        return is_kernel_structure(lowering, place->type) ? WALK_POINTER : WALK_NUMBER;
    }
    return place->at + place->size <= end ? WALK_NUMBER : WALK_REFUSED;
}

/* What is read at a place; for a pointer, place->type becomes what it points to. */
static enum walk walk(struct lowering *lowering, struct place *place)
{
    for (unsigned steps = 0; steps < MAX_STEPS; steps++) {
        LLVMMetadataRef elements, member;
        bool found = false, inside = false;
        enum walk result = WALK_REFUSED;

        if (!is_kernel_structure(lowering, place->type) ||
            place->at + place->size > LLVMDITypeGetSizeInBits(place->type) / BYTE)
            return WALK_REFUSED;
        elements = debug_operand(lowering->context, place->type, COMPOSITE_ELEMENTS);
        for (unsigned i = 0; !found && (member = debug_operand(lowering->context, elements, i));
             i++)
            result = step(lowering, place, member, &found, &inside);
        if (!found || !inside)
            return found ? result : WALK_REFUSED;
    }
    return WALK_REFUSED;
}

/* --- roots ------------------------------------------------------------------------------------ */

/* The member of lbpf_targets for a word of the program's context: "fn_2_vfs_read". */
static bool target_name(LLVMValueRef function, unsigned long long word, char *name, size_t size)
{
    static const struct {
        const char *start, *kind;
        bool is_section;
    } forms[] = {
        {"kfunc__vmlinux__", "fn", false},
        {"kretfunc__vmlinux__", "fn", false},
        {"kmod_ret__", "fn", false},
        {"lsm__", "lsm", false},
        {"fentry/", "fn", true},
        {"fexit/", "fn", true},
        {"fmod_ret/", "fn", true},
        {"fentry.s/", "fn", true},
        {"fexit.s/", "fn", true},
        {"fmod_ret.s/", "fn", true},
        {"lsm/", "lsm", true},
        {"lsm.s/", "lsm", true},
        {"tp_btf/", "tp", true},
    };
    size_t length;
    const char *section = LLVMGetSection(function);
    const char *plain = LLVMGetValueName2(function, &length);

    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const char *text = forms[i].is_section ? section : plain;

        if ((!section || !*section || forms[i].is_section) && text &&
            lower_has_prefix(text, forms[i].start)) {
            snprintf(name, size, "%s_%llu_%s", forms[i].kind, word, text + strlen(forms[i].start));
            return true;
        }
    }
    return false;
}

static LLVMMetadataRef target_type(struct lowering *lowering, const char *wanted)
{
    LLVMValueRef targets = LLVMGetNamedGlobal(lowering->module, "lbpf_targets");
    LLVMMetadataRef elements, member;

    if (!targets)
        return NULL;
    elements = debug_operand(lowering->context, debug_type_of_global(lowering->context, targets),
                             COMPOSITE_ELEMENTS);
    for (unsigned i = 0; (member = debug_operand(lowering->context, elements, i)); i++) {
        size_t size;
        const char *name = LLVMDITypeGetName(member, &size);

        if (size == strlen(wanted) && !memcmp(name, wanted, size))
            return pointee_of(lowering, debug_operand(lowering->context, member, DERIVED_BASE));
    }
    return NULL;
}

/* The structure that a program's only parameter points to. */
static LLVMMetadataRef parameter_type(struct lowering *lowering, LLVMValueRef function)
{
    LLVMMetadataRef types =
        debug_operand(lowering->context, LLVMGetSubprogram(function), SUBPROGRAM_TYPE);

    types = debug_operand(lowering->context, types, SUBROUTINE_TYPES);
    return pointee_of(lowering, debug_operand(lowering->context, types, 1));
}

/* What a word of a typed program's context points to. */
static LLVMMetadataRef context_type(struct lowering *lowering, LLVMValueRef context,
                                    long long offset)
{
    LLVMValueRef function = LLVMGetParamParent(context);
    struct place place = {.at = (unsigned long long)offset, .size = WORD};
    char name[256];

    if (offset < 0 || offset % WORD || !lower_is_program(function) ||
        context != LLVMGetParam(function, 0))
        return NULL;
    if (lower_has_prefix(lower_context_type(function), "bpf_iter__")) {
        place.type = parameter_type(lowering, function);
        return place.type && walk(lowering, &place) == WALK_POINTER ? place.type : NULL;
    }
    return target_name(function, place.at / WORD, name, sizeof name) ? target_type(lowering, name)
                                                                     : NULL;
}

static LLVMMetadataRef loaded_type(struct lowering *lowering, LLVMValueRef load, unsigned depth,
                                   enum walk *result);

/* The structure that a pointer is known to lead to, and how far into it. */
static LLVMMetadataRef pointed_type(struct lowering *lowering, LLVMValueRef pointer,
                                    long long *offset, unsigned depth)
{
    enum walk result;
    LLVMValueRef base = lower_split_address(lowering, pointer, offset);

    if (LLVMIsAIntToPtrInst(base))
        base = LLVMGetOperand(base, 0);
    if (LLVMIsACallInst(base) && lower_helper_of_call(base) == 158) /* get_current_task_btf */
        return target_type(lowering, "current");
    return LLVMIsALoadInst(base) ? loaded_type(lowering, base, depth + 1, &result) : NULL;
}

/* The structure that the loaded value points to, and what the verifier makes of the load. */
static LLVMMetadataRef loaded_type(struct lowering *lowering, LLVMValueRef load, unsigned depth,
                                   enum walk *result)
{
    LLVMTypeRef type = LLVMTypeOf(load);
    LLVMValueRef base;
    struct place place;
    long long offset;

    *result = WALK_REFUSED;
    if (depth > MAX_CHAIN)
        return NULL;
    base = lower_split_address(lowering, LLVMGetOperand(load, 0), &offset);
    if (LLVMIsAArgument(base))
        return context_type(lowering, base, offset);
    place.type = pointed_type(lowering, LLVMGetOperand(load, 0), &offset, depth);
    if (!place.type || offset < 0)
        return NULL;
    place.at = (unsigned long long)offset;
    place.size = LLVMGetTypeKind(type) == LLVMPointerTypeKind ? WORD
                 : LLVMGetTypeKind(type) == LLVMIntegerTypeKind &&
                         LLVMGetIntTypeWidth(type) % BYTE == 0 && LLVMGetIntTypeWidth(type) <= 64
                     ? LLVMGetIntTypeWidth(type) / BYTE
                     : 0;
    if (!place.size || (place.size & (place.size - 1)))
        return NULL;
    *result = walk(lowering, &place);
    return *result == WALK_POINTER ? place.type : NULL;
}

/* --- what may be read ------------------------------------------------------------------------- */

/* Only programs under the GPL may follow the kernel's pointers. */
static bool is_gpl(struct lowering *lowering)
{
    for (LLVMValueRef g = LLVMGetFirstGlobal(lowering->module); g; g = LLVMGetNextGlobal(g)) {
        LLVMValueRef text = LLVMGetInitializer(g);
        size_t size;

        if (!LLVMGetSection(g) || strcmp(LLVMGetSection(g), "license") != 0)
            continue;
        return text && LLVMIsAConstantDataSequential(text) && LLVMIsConstantString(text) &&
               (lower_has_prefix(LLVMGetAsString(text, &size), "GPL") ||
                lower_has_prefix(LLVMGetAsString(text, &size), "Dual "));
    }
    return true;
}

bool lower_is_typed(struct lowering *lowering, LLVMValueRef load)
{
    enum walk result;

    loaded_type(lowering, load, 0, &result);
    return result != WALK_REFUSED && is_gpl(lowering);
}

void lower_forget_types(struct lowering *lowering)
{
    LLVMValueRef targets = LLVMGetNamedGlobal(lowering->module, "lbpf_targets");

    if (targets && !LLVMGetFirstUse(targets))
        LLVMDeleteGlobal(targets);
}
