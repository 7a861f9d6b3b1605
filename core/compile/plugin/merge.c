/*
 * Fewer and shorter reads. Loads of neighbouring members of one object that nothing comes between
 * become one read of the range that covers them; a load that is only stored to the stack or to a
 * ring buffer's record is read right there.
 *
 * The range starts where the most aligned of its members allows, so it never reaches into a memory
 * page that none of the loads would touch.
 */
#include "reads.h"

#include <llvm-c/Target.h>

#include <stdlib.h>

enum { LARGEST_RANGE = 64, LARGEST_MEMBER = 16, MAX_USES = 512, MAX_DEPTH = 32 };

/* Loads of one object, in one basic block, with nothing between them that could change it. */
struct group {
    LLVMValueRef base;
    long long start, end; /* bytes from base that the loads cover */
    long long anchor;     /* offset of the most aligned member … */
    unsigned alignment;   /* … and its alignment */
    struct list loads;
    long long *offsets; /* of the loads */
};

struct groups {
    struct group *items;
    size_t count, capacity;
    size_t open; /* groups before this one are behind a barrier */
};

static LLVMTargetDataRef layout_of(struct lowering *lowering)
{
    return LLVMGetModuleDataLayout(lowering->module);
}

/* Bytes that a GEP adds when all its indices are constant. */
static bool constant_offset(struct lowering *lowering, LLVMValueRef gep, long long *offset)
{
    LLVMTypeRef type = LLVMGetGEPSourceElementType(gep);
    int count = LLVMGetNumOperands(gep);

    for (int i = 1; i < count; i++) {
        LLVMValueRef index = LLVMGetOperand(gep, (unsigned)i);

        if (!LLVMIsAConstantInt(index))
            return false;
        if (i > 1 && LLVMGetTypeKind(type) == LLVMStructTypeKind) {
            unsigned member = (unsigned)LLVMConstIntGetZExtValue(index);

            *offset += (long long)LLVMOffsetOfElement(layout_of(lowering), type, member);
            type = LLVMStructGetTypeAtIndex(type, member);
            continue;
        }
        if (i > 1 && LLVMGetTypeKind(type) != LLVMArrayTypeKind)
            return false;
        if (i > 1)
            type = LLVMGetElementType(type);
        *offset += LLVMConstIntGetSExtValue(index) *
                   (long long)LLVMABISizeOfType(layout_of(lowering), type);
    }
    return true;
}

LLVMValueRef lower_split_address(struct lowering *lowering, LLVMValueRef pointer, long long *offset)
{
    *offset = 0;
    for (int depth = 0; depth < MAX_DEPTH && LLVMIsAGetElementPtrInst(pointer); depth++) {
        long long added = 0;

        if (!constant_offset(lowering, pointer, &added) || llabs(added) > 1 << 30)
            break;
        *offset += added;
        pointer = LLVMGetOperand(pointer, 0);
    }
    return pointer;
}

/* What the address was computed from. */
static LLVMValueRef object_of(LLVMValueRef address)
{
    for (int depth = 0; depth < MAX_DEPTH && LLVMIsAGetElementPtrInst(address); depth++)
        address = LLVMGetOperand(address, 0);
    return address;
}

static bool is_reservation(LLVMValueRef object)
{
    return LLVMIsACallInst(object) && lower_helper_of_call(object) == 131;
}

/* Whether no pointer to the stack object is kept in memory, so that no foreign read can see it. */
static bool is_private(LLVMValueRef address, unsigned *uses)
{
    for (LLVMUseRef use = LLVMGetFirstUse(address); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);

        if (++*uses > MAX_USES)
            return false;
        if (LLVMIsAGetElementPtrInst(user) ? !is_private(user, uses)
            : LLVMIsAStoreInst(user)       ? LLVMGetOperand(user, 0) == address
                                           : !LLVMIsALoadInst(user) && !LLVMIsACallInst(user))
            return false;
    }
    return true;
}

static bool is_store_harmless(LLVMValueRef address)
{
    LLVMValueRef object = object_of(address);
    unsigned uses = 0;

    return is_reservation(object) || (LLVMIsAAllocaInst(object) && is_private(object, &uses));
}

/* Helpers that change nothing that a program could read through a foreign pointer. */
static bool is_helper_harmless(unsigned helper)
{
    static const unsigned char harmless[] = {
        1,                  /* map_lookup_elem */
        4,                  /* probe_read */
        5,                  /* ktime_get_ns */
        7,                  /* get_prandom_u32 */
        8,                  /* get_smp_processor_id */
        14,                 /* get_current_pid_tgid */
        15,                 /* get_current_uid_gid */
        16,                 /* get_current_comm */
        35,                 /* get_current_task */
        45,                 /* probe_read_str */
        80,                 /* get_current_cgroup_id */
        112,                /* probe_read_user, and so on */
        113, 114, 115, 125, /* ktime_get_boot_ns */
        158,                /* get_current_task_btf */
        160,                /* ktime_get_coarse_ns */
    };

    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (harmless[i] == helper)
            return true;
    return false;
}

/* Whether instruction may change memory that is read through foreign pointers. */
static bool is_barrier(LLVMValueRef instruction)
{
    const char *name;

    if (LLVMIsAStoreInst(instruction))
        return !is_store_harmless(LLVMGetOperand(instruction, 1));
    if (LLVMIsAFenceInst(instruction) || LLVMIsAAtomicRMWInst(instruction) ||
        LLVMIsAAtomicCmpXchgInst(instruction))
        return true;
    if (!LLVMIsACallInst(instruction))
        return false;
    name = lower_callee_name(instruction);
    if (lower_has_prefix(name, "llvm.mem"))
        return !is_store_harmless(LLVMGetOperand(instruction, 0));
    if (lower_has_prefix(name, "llvm."))
        return false;
    return !is_helper_harmless(lower_helper_of_call(instruction));
}

static unsigned long long size_of(struct lowering *lowering, LLVMTypeRef type)
{
    return LLVMStoreSizeOfType(layout_of(lowering), type);
}

/* A whole number of bytes, as memory holds it. */
static bool is_plain(struct lowering *lowering, LLVMTypeRef type)
{
    LLVMTypeKind kind = LLVMGetTypeKind(type);

    return (kind == LLVMIntegerTypeKind || kind == LLVMPointerTypeKind) &&
           LLVMSizeOfTypeInBits(layout_of(lowering), type) == 8 * size_of(lowering, type);
}

static void *grow(void *items, size_t count, size_t size)
{
    items = realloc(items, count * size);
    if (!items)
        abort(); /* inside the compiler's own process, as LLVM does */
    return items;
}

static void add_to_group(struct group *group, LLVMValueRef load, long long offset, long long end)
{
    unsigned alignment = LLVMGetAlignment(load);

    if (offset < group->start)
        group->start = offset;
    if (end > group->end)
        group->end = end;
    if (alignment > group->alignment) {
        group->alignment = alignment;
        group->anchor = offset;
    }
    group->offsets = grow(group->offsets, group->loads.count + 1, sizeof *group->offsets);
    group->offsets[group->loads.count] = offset;
    list_append(&group->loads, load);
}

/* Where the range begins: as aligned as its most aligned member. */
static long long range_start(const struct group *group)
{
    long long alignment = group->alignment < 8 ? group->alignment : 8;

    return group->anchor - (group->anchor - group->start + alignment - 1) / alignment * alignment;
}

static struct group *open_group(struct groups *groups, LLVMValueRef base, long long offset,
                                long long end)
{
    struct group *group;

    for (size_t i = groups->open; i < groups->count; i++) {
        long long start, last;

        group = &groups->items[i];
        start = offset < group->start ? offset : group->start;
        last = end > group->end ? end : group->end;
        if (group->base == base && last - start <= LARGEST_RANGE - 8)
            return group;
    }
    if (groups->count == groups->capacity) {
        groups->capacity = groups->capacity ? groups->capacity * 2 : 32;
        groups->items = grow(groups->items, groups->capacity, sizeof *groups->items);
    }
    group = &groups->items[groups->count++];
    *group = (struct group){.base = base, .start = offset, .end = end};
    return group;
}

static void group_load(struct lowering *lowering, struct groups *groups, LLVMValueRef load)
{
    long long offset, size = (long long)size_of(lowering, LLVMTypeOf(load));
    LLVMValueRef base = lower_split_address(lowering, LLVMGetOperand(load, 0), &offset);

    add_to_group(open_group(groups, base, offset, offset + size), load, offset, offset + size);
}

/* One read at the first of the loads, from which all take their values. The base is looked for
 * again: if it was loaded itself, that load has been replaced since. */
static void lower_group(struct lowering *lowering, const struct group *group)
{
    LLVMValueRef first = group->loads.items[0], last = first, slot;
    long long start = range_start(group), unused;
    LLVMValueRef base = lower_split_address(lowering, LLVMGetOperand(first, 0), &unused);
    unsigned long long size = (unsigned long long)(group->end - start);
    LLVMTypeRef type = LLVMArrayType(lowering->i64, (unsigned)((size + 7) / 8));

    lower_build_at(lowering, first);
    slot = lower_stack_slot(lowering, first, type);
    lower_mark_lifetime(lowering, "llvm.lifetime.start", slot, (size + 7) / 8 * 8);
    lower_call_read(lowering, first, slot, size, lower_address_at(lowering, base, start));
    for (size_t i = 0; i < group->loads.count; i++) {
        LLVMValueRef load = group->loads.items[i], address;

        lower_build_at(lowering, load);
        address = lower_address_at(lowering, slot, group->offsets[i] - start);
        last = LLVMBuildLoad2(lowering->builder, LLVMTypeOf(load), address, "");
        LLVMSetAlignment(last, LLVMGetAlignment(load));
        LLVMReplaceAllUsesWith(load, last);
        LLVMInstructionEraseFromParent(load);
    }
    LLVMPositionBuilderBefore(lowering->builder, LLVMGetNextInstruction(last));
    lower_mark_lifetime(lowering, "llvm.lifetime.end", slot, (size + 7) / 8 * 8);
}

/* The store that a load only serves, when the read can be made in its place. */
static LLVMValueRef destination_of(struct lowering *lowering, LLVMValueRef load)
{
    LLVMUseRef use = LLVMGetFirstUse(load);
    LLVMValueRef store = use && !LLVMGetNextUse(use) ? LLVMGetUser(use) : NULL, object;

    if (!store || !LLVMIsAStoreInst(store) || LLVMGetOperand(store, 0) != load ||
        LLVMGetVolatile(store) || !is_plain(lowering, LLVMTypeOf(load)) ||
        LLVMGetInstructionParent(store) != LLVMGetInstructionParent(load))
        return NULL;
    object = object_of(LLVMGetOperand(store, 1));
    if (!LLVMIsAAllocaInst(object) && !is_reservation(object))
        return NULL;
    for (LLVMValueRef i = LLVMGetNextInstruction(load); i != store; i = LLVMGetNextInstruction(i))
        if (is_barrier(i))
            return NULL;
    return store;
}

static void read_into(struct lowering *lowering, LLVMValueRef load, LLVMValueRef store)
{
    lower_build_at(lowering, store);
    LLVMSetCurrentDebugLocation2(lowering->builder, LLVMInstructionGetDebugLoc(load));
    lower_call_read(lowering, load, LLVMGetOperand(store, 1), size_of(lowering, LLVMTypeOf(load)),
                    LLVMGetOperand(load, 0));
    LLVMInstructionEraseFromParent(store);
    LLVMInstructionEraseFromParent(load);
}

void lower_merged_reads(struct lowering *lowering, const struct list *loads, struct list *rest)
{
    struct groups groups = {0};
    LLVMValueRef previous = NULL;

    for (size_t i = 0; i < loads->count; i++) {
        LLVMValueRef load = loads->items[i];

        if (previous && LLVMGetInstructionParent(previous) != LLVMGetInstructionParent(load))
            groups.open = groups.count;
        else
            for (LLVMValueRef p = previous; p && p != load; p = LLVMGetNextInstruction(p))
                if (is_barrier(p))
                    groups.open = groups.count;
        previous = load;
        if (LLVMGetVolatile(load) || LLVMGetOrdering(load) != LLVMAtomicOrderingNotAtomic ||
            size_of(lowering, LLVMTypeOf(load)) > LARGEST_MEMBER)
            list_append(rest, load);
        else
            group_load(lowering, &groups, load);
    }
    for (size_t i = 0; i < groups.count; i++) {
        struct group *group = &groups.items[i];
        LLVMValueRef store;

        if (group->loads.count > 1)
            lower_group(lowering, group);
        else if ((store = destination_of(lowering, group->loads.items[0])))
            read_into(lowering, group->loads.items[0], store);
        else
            list_append(rest, group->loads.items[0]);
        free(group->loads.items);
        free(group->offsets);
    }
    free(groups.items);
}

/*
 * A copied struct that never has its address taken is loads of its members by now. instcombine
 * would move each to where it is used, and part what one read can serve; loads of one copy are
 * volatile until that has run.
 */
static const char held_mark[] = "luabpf.held";

static unsigned held_kind(struct lowering *lowering)
{
    return LLVMGetMDKindIDInContext(lowering->context, held_mark, sizeof held_mark - 1);
}

static void hold(struct lowering *lowering, LLVMValueRef load)
{
    if (LLVMGetVolatile(load))
        return;
    LLVMSetVolatile(load, 1);
    LLVMSetMetadata(
        load, held_kind(lowering),
        LLVMMetadataAsValue(lowering->context, LLVMMDNodeInContext2(lowering->context, NULL, 0)));
}

static bool are_of_one_copy(struct lowering *lowering, LLVMValueRef first, LLVMValueRef second)
{
    long long a, b;
    LLVMValueRef base = lower_split_address(lowering, LLVMGetOperand(first, 0), &a);

    return LLVMInstructionGetDebugLoc(first) &&
           LLVMInstructionGetDebugLoc(first) == LLVMInstructionGetDebugLoc(second) &&
           lower_split_address(lowering, LLVMGetOperand(second, 0), &b) == base && a != b &&
           llabs(a - b) < LARGEST_RANGE && lower_origin(base) == ORIGIN_FOREIGN;
}

void lower_hold_copies(struct lowering *lowering)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b)) {
            LLVMValueRef previous = NULL;

            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i)) {
                if (!LLVMIsALoadInst(i))
                    continue;
                if (previous && are_of_one_copy(lowering, previous, i)) {
                    hold(lowering, previous);
                    hold(lowering, i);
                }
                previous = i;
            }
        }
}

void lower_release_copies(struct lowering *lowering)
{
    unsigned kind = held_kind(lowering);

    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetFirstInstruction(b); i; i = LLVMGetNextInstruction(i))
                if (LLVMIsALoadInst(i) && LLVMGetMetadata(i, kind)) {
                    LLVMSetVolatile(i, 0);
                    LLVMSetMetadata(i, kind, NULL);
                }
}
