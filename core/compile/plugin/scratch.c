/*
 * Stack that does not fit. A BPF program has 512 bytes of stack. Where the variables of a function
 * that are in use at one time need more, the largest move to `__lbpf_scratch`, a per-CPU array with
 * one entry for each such function; their content is as uncertain at the start as that of any C
 * variable.
 *
 * An entry serves one run of its function at a time: the kernel lets no kprobe, tracepoint or
 * trampoline program interrupt itself on one CPU, and different functions have different entries.
 * The exception is a uprobe on a fully preemptible kernel, where another task may run the same
 * program before the first ends; a table kept for that purpose by hand has the same gap. Programs
 * that may sleep are refused, with the names and sizes of what is large.
 *
 * Verified programs keep no pointers in map memory, so a variable that holds pointers to other
 * variables stays on the stack.
 */
#include "frame.h"
#include "reads.h"

#include <stdio.h>
#include <string.h>

/* 512 less what the back end may need to save registers. */
enum { STACK_BUDGET = 472, LARGEST_ENTRY = 32768, SMALLEST_MOVED = 16 };
enum { STACK_SIZE = 512, PERCPU_ARRAY = 6 };
/* What one of outline.c's functions needs of its caller's 512 bytes, as kernels round it up. */
enum { OUTLINED_FRAME = 32 };

/* Whether a pointer that the verifier follows is stored in the variable. */
static bool holds_pointers(LLVMValueRef address, unsigned depth)
{
    for (LLVMUseRef use = LLVMGetFirstUse(address); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use), value;

        if (LLVMIsAGetElementPtrInst(user) && (depth > 16 || holds_pointers(user, depth + 1)))
            return true;
        if (!LLVMIsAStoreInst(user) || LLVMGetOperand(user, 1) != address)
            continue;
        value = LLVMGetOperand(user, 0);
        if (LLVMGetTypeKind(LLVMTypeOf(value)) == LLVMPointerTypeKind && !LLVMIsConstant(value) &&
            lower_origin(value) & ORIGIN_DIRECT)
            return true;
    }
    return false;
}

static struct variable *largest(struct frame *frame)
{
    struct variable *found = NULL;

    for (unsigned v = 0; v < frame->count; v++) {
        struct variable *variable = &frame->variables[v];

        if (!variable->is_moved && !variable->is_fixed && variable->size >= SMALLEST_MOVED &&
            (!found || variable->size > found->size))
            found = variable;
    }
    return found;
}

/* Chooses what moves; the size of the entry, or 0 when nothing has to. */
static unsigned long long choose(struct frame *frame, unsigned budget)
{
    unsigned long long entry = 0;
    struct variable *variable;

    while (lower_bytes_in_use(frame) > budget && (variable = largest(frame))) {
        if (holds_pointers(variable->slot, 0)) {
            variable->is_fixed = true;
            continue;
        }
        variable->is_moved = true;
        variable->offset = entry;
        entry += variable->size;
    }
    return entry;
}

/* "name (size bytes), …" of the largest variables, as the text names them. */
static void describe(struct frame *frame, char *text, size_t size)
{
    size_t at = 0;

    *text = '\0';
    for (unsigned n = 0; n < 4; n++) {
        struct variable *found = NULL;
        const char *name;
        size_t length;

        for (unsigned v = 0; v < frame->count; v++)
            if (frame->variables[v].slot && (!found || frame->variables[v].size > found->size))
                found = &frame->variables[v];
        if (!found)
            break;
        name = LLVMGetValueName2(found->slot, &length);
        if (!length)
            name = "a temporary";
        if (at < size)
            at += (size_t)snprintf(text + at, size - at, "%s%.*s (%llu bytes)", at ? ", " : "",
                                   (int)strcspn(name, "."), name, found->size);
        found->slot = NULL;
    }
}

static bool can_sleep(LLVMValueRef function)
{
    const char *section = LLVMGetSection(function);
    const char *type = section ? strchr(section, '/') : NULL;

    if (!section)
        return false;
    if (!type)
        type = section + strlen(section);
    return type - section > 2 && !strncmp(type - 2, ".s", 2);
}

static LLVMValueRef first_with_position(LLVMValueRef function)
{
    LLVMBasicBlockRef entry = LLVMGetEntryBasicBlock(function);

    for (LLVMValueRef i = LLVMGetFirstInstruction(entry); i; i = LLVMGetNextInstruction(i))
        if (LLVMInstructionGetDebugLoc(i))
            return i;
    return LLVMGetFirstInstruction(entry);
}

/* Why and which, for a message; nothing counts as moved any more. */
static void explain(struct frame *frame, const char *why, char *text, size_t size)
{
    char names[400];
    unsigned long long bytes;

    for (unsigned v = 0; v < frame->count; v++)
        frame->variables[v].is_moved = false;
    bytes = lower_bytes_in_use(frame);
    describe(frame, names, sizeof names);
    snprintf(text, size,
             "the variables of this function need %llu bytes of stack, and a program has 512; %s; "
             "the largest: %s. Keep large ones in a BPF_PERCPU_ARRAY",
             bytes, why, names);
}

static void refuse(struct lowering *lowering, struct frame *frame, const char *why)
{
    char text[800];

    explain(frame, why, text, sizeof text);
    lower_error(lowering, first_with_position(frame->function), "%s", text);
}

/* The back end may still find room, for what it makes smaller; if not, this is why. */
static void warn(struct lowering *lowering, struct frame *frame, const char *why)
{
    char text[800];

    explain(frame, why, text, sizeof text);
    lower_warning(lowering, first_with_position(frame->function), "%s", text);
}

/* The entry of this function, looked up in a new first block that ends the function with 0 where
 * there is none (which the kernel excludes and the verifier does not know). */
static LLVMValueRef look_up(struct lowering *lowering, LLVMValueRef function, LLVMValueRef map,
                            unsigned number, LLVMMetadataRef position)
{
    LLVMBasicBlockRef body = LLVMGetEntryBasicBlock(function);
    LLVMBasicBlockRef entry = LLVMInsertBasicBlockInContext(lowering->context, body, "");
    LLVMBasicBlockRef none = LLVMAppendBasicBlockInContext(lowering->context, function, "");
    LLVMTypeRef result = LLVMGetReturnType(LLVMGlobalGetValueType(function));
    LLVMTypeRef type;
    LLVMValueRef helper, arguments[2], found, key;

    LLVMPositionBuilderAtEnd(lowering->builder, entry);
    LLVMSetCurrentDebugLocation2(lowering->builder, NULL);
    for (LLVMValueRef i = LLVMGetFirstInstruction(body), next; i; i = next) {
        next = LLVMGetNextInstruction(i);
        if (LLVMIsAAllocaInst(i)) {
            LLVMInstructionRemoveFromParent(i);
            LLVMInsertIntoBuilder(lowering->builder, i);
        }
    }
    key = LLVMBuildAlloca(lowering->builder, lowering->i32, "");
    LLVMSetCurrentDebugLocation2(lowering->builder, position);
    LLVMBuildStore(lowering->builder, LLVMConstInt(lowering->i32, number, 0), key);
    type = LLVMFunctionType(lowering->pointer,
                            (LLVMTypeRef[]){lowering->pointer, lowering->pointer}, 2, 0);
    helper = LLVMConstIntToPtr(LLVMConstInt(lowering->i64, 1, 0), lowering->pointer);
    arguments[0] = map;
    arguments[1] = key;
    found = LLVMBuildCall2(lowering->builder, type, helper, arguments, 2, "");
    LLVMBuildCondBr(lowering->builder, LLVMBuildIsNull(lowering->builder, found, ""), none, body);
    LLVMPositionBuilderAtEnd(lowering->builder, none);
    if (LLVMGetTypeKind(result) == LLVMVoidTypeKind)
        LLVMBuildRetVoid(lowering->builder);
    else
        LLVMBuildRet(lowering->builder, LLVMConstNull(result));
    LLVMPositionBuilderBefore(lowering->builder, LLVMGetFirstInstruction(body));
    return found;
}

static void erase_lifetimes(LLVMValueRef slot)
{
    for (LLVMUseRef use = LLVMGetFirstUse(slot), next; use; use = next) {
        LLVMValueRef user = LLVMGetUser(use);

        next = LLVMGetNextUse(use);
        if (LLVMIsACallInst(user) && lower_has_prefix(lower_callee_name(user), "llvm.lifetime."))
            LLVMInstructionEraseFromParent(user);
    }
}

static void move_variables(struct lowering *lowering, struct frame *frame, LLVMValueRef map,
                           unsigned number)
{
    LLVMMetadataRef position = LLVMInstructionGetDebugLoc(first_with_position(frame->function));
    LLVMValueRef entry;

    /* Before code is built: it goes in front of an instruction that must stay. */
    for (unsigned v = 0; v < frame->count; v++)
        if (frame->variables[v].is_moved)
            erase_lifetimes(frame->variables[v].slot);
    entry = look_up(lowering, frame->function, map, number, position);
    for (unsigned v = 0; v < frame->count; v++) {
        struct variable *variable = &frame->variables[v];

        if (!variable->is_moved)
            continue;
        LLVMReplaceAllUsesWith(variable->slot,
                               lower_address_at(lowering, entry, (long long)variable->offset));
        LLVMInstructionEraseFromParent(variable->slot);
    }
}

/* What a memset or memcpy says of the alignment of a pointer argument. */
static unsigned argument_alignment(LLVMValueRef call, unsigned argument)
{
    unsigned kind = LLVMGetEnumAttributeKindForName("align", 5);
    LLVMAttributeRef attribute = LLVMGetCallSiteEnumAttribute(call, argument + 1, kind);

    return attribute ? (unsigned)LLVMGetEnumAttributeValue(attribute) : 1;
}

/* LLVM writes out up to 128 stores for one memset or memcpy, and calls a function for more. The
 * barriers keep it from joining the pieces again. */
static void split_block(struct lowering *lowering, LLVMValueRef call)
{
    enum { PIECE = 1024 };
    const char *name = lower_callee_name(call);
    bool is_copy = lower_has_prefix(name, "llvm.memcpy");
    LLVMValueRef size = LLVMGetOperand(call, 2), to = LLVMGetOperand(call, 0);
    LLVMValueRef from = LLVMGetOperand(call, 1);
    unsigned long long bytes = LLVMIsAConstantInt(size) ? LLVMConstIntGetZExtValue(size) : 0;
    LLVMTypeRef barrier_type = LLVMFunctionType(lowering->nothing, NULL, 0, 0);
    LLVMValueRef barrier = LLVMGetInlineAsm(barrier_type, (char *)"", 0, (char *)"~{memory}", 9, 1,
                                            0, LLVMInlineAsmDialectATT, 0);

    if (bytes <= PIECE || bytes > LARGEST_ENTRY)
        return;
    lower_build_at(lowering, call);
    for (unsigned long long at = 0; at < bytes; at += PIECE) {
        LLVMValueRef part = LLVMConstInt(lowering->i64, bytes - at < PIECE ? bytes - at : PIECE, 0);
        LLVMValueRef address = lower_address_at(lowering, to, (long long)at);

        if (is_copy)
            LLVMBuildMemCpy(lowering->builder, address, argument_alignment(call, 0),
                            lower_address_at(lowering, from, (long long)at),
                            argument_alignment(call, 1), part);
        else
            LLVMBuildMemSet(lowering->builder, address, from, part, argument_alignment(call, 0));
        LLVMBuildCall2(lowering->builder, barrier_type, barrier, NULL, 0, "");
    }
    LLVMInstructionEraseFromParent(call);
}

static void split_blocks(struct lowering *lowering, LLVMValueRef function)
{
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function); b; b = LLVMGetNextBasicBlock(b))
        for (LLVMValueRef i = LLVMGetFirstInstruction(b), next; i; i = next) {
            const char *name = LLVMIsACallInst(i) ? lower_callee_name(i) : "";

            next = LLVMGetNextInstruction(i);
            if (lower_has_prefix(name, "llvm.memset") || lower_has_prefix(name, "llvm.memcpy"))
                split_block(lowering, i);
        }
}

struct scratch {
    LLVMValueRef map; /* made at first need; gets its type when the sizes are known */
    unsigned count;
    unsigned long long entry;
};

static LLVMValueRef declare_map(struct lowering *lowering)
{
    LLVMTypeRef type = LLVMArrayType(lowering->pointer, 4);
    LLVMValueRef map = LLVMAddGlobal(lowering->module, type, "__lbpf_scratch");

    LLVMSetInitializer(map, LLVMConstNull(type));
    LLVMSetSection(map, ".maps");
    return map;
}

/* More than any program that the verifier takes would have: not worth the memory. */
static bool is_too_large(const struct frame *frame)
{
    return (unsigned long long)frame->block_count * frame->count > 32 * 1024 * 1024;
}

static void fit_stack(struct lowering *lowering, struct scratch *scratch, LLVMValueRef function)
{
    struct frame frame;
    unsigned budget = STACK_BUDGET;
    unsigned long long entry;

    if (lower_calls_outlined(lowering, function))
        budget -= OUTLINED_FRAME;
    lower_frame_open(lowering, function, &frame);
    entry = is_too_large(&frame) ? 0 : choose(&frame, budget);
    if (entry > LARGEST_ENTRY) {
        refuse(lowering, &frame, "memory for every CPU holds at most 32768 bytes, too");
    } else if (entry && can_sleep(function)) {
        refuse(lowering, &frame, "a program that may sleep can't keep them elsewhere");
    } else if (entry) {
        if (!scratch->map)
            scratch->map = declare_map(lowering);
        move_variables(lowering, &frame, scratch->map, scratch->count++);
        if (entry > scratch->entry)
            scratch->entry = entry;
    } else if (!is_too_large(&frame) && lower_bytes_in_use(&frame) > STACK_SIZE) {
        warn(lowering, &frame, "they are too small or hold pointers, so they stay there");
    }
    lower_frame_close(&frame);
}

void lower_stack(struct lowering *lowering)
{
    struct scratch scratch = {0};

    for (LLVMValueRef f = LLVMGetFirstFunction(lowering->module); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f)) {
            fit_stack(lowering, &scratch, f);
            split_blocks(lowering, f);
        }
    if (scratch.map)
        lower_describe_array(lowering, scratch.map, PERCPU_ARRAY, scratch.count, scratch.entry);
}
