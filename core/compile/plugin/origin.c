/*
 * Where a pointer may point, read off SSA form.
 *
 * Direct: the stack, globals, map values, ring buffer reservations, the context, packets, and what
 * helpers return for reading. Foreign: everything else, above all pointers that were read from
 * memory or came in a register of the traced function. Calling a direct pointer foreign costs an
 * instruction or two (bpf_probe_read reads any kernel address); calling a foreign one direct is
 * refused by the verifier. So doubt means foreign.
 */
#include "reads.h"

#include <string.h>

enum { MAX_SEEN = 256, MAX_DEPTH = 200 };

struct trace {
    LLVMValueRef seen[MAX_SEEN]; /* values on the way, so that loops of PHI nodes end */
    unsigned seen_count;
    unsigned depth;
};

static enum origin trace_value(struct trace *trace, LLVMValueRef value);

bool lower_is_network_context(const char *context_type)
{
    static const char *const types[] = {
        "__sk_buff",  "xdp_md",        "bpf_sock_ops",       "sk_msg_md",
        "bpf_sock",   "bpf_sock_addr", "sk_reuseport_md",    "bpf_sockopt",
        "bpf_sysctl", "bpf_sk_lookup", "bpf_cgroup_dev_ctx", "bpf_flow_keys",
    };

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i], context_type))
            return true;
    return false;
}

/* Contexts whose pointer members the verifier knows: packets, and the BTF pointers of iterators. */
static bool context_gives_direct_pointers(LLVMValueRef function)
{
    const char *type = lower_context_type(function);

    return lower_is_network_context(type) || lower_has_prefix(type, "bpf_iter__");
}

/* Helpers whose result the verifier lets a program read. */
static bool returns_direct_pointer(unsigned helper)
{
    static const unsigned char direct[] = {
        1,                           /* map_lookup_elem */
        81,                          /* get_local_storage */
        84,  85,  95,  96,  98,  99, /* sk_lookup_tcp, _udp, sk_fullsock, tcp_sock, listener, skc */
        107,                         /* sk_storage_get */
        131,                         /* ringbuf_reserve */
        136, 137, 138, 139, 140,     /* skc_to_… */
        145,                         /* inode_storage_get */
        153, 154,                    /* per_cpu_ptr, this_cpu_ptr */
        156,                         /* task_storage_get */
        158,                         /* get_current_task_btf */
        162,                         /* sock_from_file */
        175,                         /* task_pt_regs */
        178,                         /* skc_to_unix_sock */
        194, 195, 196,               /* kptr_xchg, map_lookup_percpu_elem, skc_to_mptcp_sock */
        203,                         /* dynptr_data */
        210,                         /* cgrp_storage_get */
    };

    for (size_t i = 0; i < sizeof direct / sizeof *direct; i++)
        if (direct[i] == helper)
            return true;
    return false;
}

/* A parameter: the context of a program, else what the callers pass. A callback of a helper gets
 * pointers to maps and to its caller's stack. */
static enum origin trace_parameter(struct trace *trace, LLVMValueRef parameter)
{
    LLVMValueRef function = LLVMGetParamParent(parameter);
    enum origin origin = ORIGIN_NONE;
    unsigned index = 0;

    for (LLVMValueRef p = LLVMGetFirstParam(function); p && p != parameter; p = LLVMGetNextParam(p))
        index++;
    if (lower_is_program(function))
        return index == 0 ? ORIGIN_DIRECT : ORIGIN_FOREIGN;
    for (LLVMUseRef use = LLVMGetFirstUse(function); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);

        if (!LLVMIsACallInst(user) || LLVMGetCalledValue(user) != function)
            return ORIGIN_DIRECT;
        origin |= trace_value(trace, LLVMGetOperand(user, index));
    }
    return origin;
}

/* The memory that a pointer is computed from. */
static LLVMValueRef base_of(LLVMValueRef pointer)
{
    for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
        if (LLVMIsACallInst(pointer) &&
            lower_has_prefix(lower_callee_name(pointer), "llvm.bpf.passthrough")) {
            pointer = LLVMGetOperand(pointer, 1);
            continue;
        }

        bool is_expression = LLVMIsAConstantExpr(pointer) != NULL;
        LLVMOpcode opcode = is_expression                 ? LLVMGetConstOpcode(pointer)
                            : LLVMIsAInstruction(pointer) ? LLVMGetInstructionOpcode(pointer)
                                                          : (LLVMOpcode)0;

        if (opcode != LLVMGetElementPtr && opcode != LLVMBitCast && opcode != LLVMAddrSpaceCast &&
            opcode != LLVMFreeze)
            break;
        pointer = LLVMGetOperand(pointer, 0);
    }
    return pointer;
}

/* What the stores into a stack object put there, followed through address computations. Anything
 * that hands the address on (a helper that fills it) may put a foreign pointer there. */
static enum origin trace_stored(struct trace *trace, LLVMValueRef address)
{
    enum origin origin = ORIGIN_NONE;

    for (LLVMUseRef use = LLVMGetFirstUse(address); use; use = LLVMGetNextUse(use)) {
        LLVMValueRef user = LLVMGetUser(use);

        if (LLVMIsAStoreInst(user)) {
            if (LLVMGetOperand(user, 1) == address)
                origin |= trace_value(trace, LLVMGetOperand(user, 0));
            else
                origin |= ORIGIN_FOREIGN; /* the address itself is kept somewhere */
        } else if (LLVMIsAGetElementPtrInst(user) || LLVMIsABitCastInst(user)) {
            origin |= trace_stored(trace, user);
        } else if (LLVMIsACallInst(user)) {
            if (!lower_has_prefix(lower_callee_name(user), "llvm.lifetime") &&
                !lower_has_prefix(lower_callee_name(user), "llvm.memset"))
                origin |= ORIGIN_FOREIGN;
        } else if (!LLVMIsALoadInst(user) && !LLVMIsAICmpInst(user)) {
            origin |= ORIGIN_FOREIGN;
        }
    }
    return origin;
}

static enum origin trace_load(struct trace *trace, LLVMValueRef load)
{
    LLVMValueRef base = base_of(LLVMGetOperand(load, 0));

    if (LLVMIsAAllocaInst(base))
        return trace_stored(trace, base);
    if (LLVMIsAArgument(base) && lower_is_program(LLVMGetParamParent(base)))
        return context_gives_direct_pointers(LLVMGetParamParent(base)) ? ORIGIN_DIRECT
                                                                       : ORIGIN_FOREIGN;
    return ORIGIN_FOREIGN;
}

static enum origin trace_call(struct trace *trace, LLVMValueRef call)
{
    unsigned helper = lower_helper_of_call(call);
    const char *name = lower_callee_name(call);

    if (helper)
        return returns_direct_pointer(helper) ? ORIGIN_DIRECT : ORIGIN_FOREIGN;
    if (lower_has_prefix(name, "__lbpf_make_"))
        return ORIGIN_DIRECT;
    if (lower_has_prefix(name, "llvm.preserve") || lower_has_prefix(name, "llvm.bpf.passthrough") ||
        lower_has_prefix(name, "llvm.launder") || lower_has_prefix(name, "llvm.strip") ||
        lower_has_prefix(name, "llvm.ptrmask"))
        return trace_value(
            trace, LLVMGetOperand(call, lower_has_prefix(name, "llvm.bpf.passthrough") ? 1 : 0));
    /* A kernel function (kfunc) gives BTF pointers, which may be read. */
    if (LLVMIsAFunction(LLVMGetCalledValue(call)) && LLVMIsDeclaration(LLVMGetCalledValue(call)))
        return ORIGIN_DIRECT;
    return ORIGIN_FOREIGN;
}

static enum origin trace_operands(struct trace *trace, LLVMValueRef value, unsigned first,
                                  unsigned count)
{
    enum origin origin = ORIGIN_NONE;

    for (unsigned i = first; i < first + count; i++)
        origin |= trace_value(trace, LLVMGetOperand(value, i));
    return origin;
}

static enum origin trace_phi(struct trace *trace, LLVMValueRef phi)
{
    enum origin origin = ORIGIN_NONE;
    unsigned count = LLVMCountIncoming(phi);

    for (unsigned i = 0; i < count; i++)
        origin |= trace_value(trace, LLVMGetIncomingValue(phi, i));
    return origin;
}

static enum origin trace_operation(struct trace *trace, LLVMValueRef value, LLVMOpcode opcode)
{
    switch (opcode) {
    case LLVMAlloca:
        return ORIGIN_DIRECT;
    case LLVMGetElementPtr:
    case LLVMBitCast:
    case LLVMAddrSpaceCast:
    case LLVMFreeze:
    case LLVMPtrToInt:
    case LLVMIntToPtr:
    case LLVMZExt:
    case LLVMSExt:
    case LLVMTrunc:
        return trace_operands(trace, value, 0, 1);
    case LLVMAdd:
    case LLVMSub:
    case LLVMOr:
    case LLVMAnd:
        return trace_operands(trace, value, 0, 2);
    case LLVMSelect:
        return trace_operands(trace, value, 1, 2);
    case LLVMPHI:
        return trace_phi(trace, value);
    case LLVMLoad:
        return trace_load(trace, value);
    case LLVMCall:
        return trace_call(trace, value);
    default:
        return ORIGIN_FOREIGN;
    }
}

/* NONE stands for what decides nothing: null, constants, a value already on the way. */
static enum origin trace_value(struct trace *trace, LLVMValueRef value)
{
    enum origin origin;

    if (LLVMIsAGlobalVariable(value) || LLVMIsAFunction(value))
        return ORIGIN_DIRECT;
    if (LLVMIsAArgument(value))
        return trace_parameter(trace, value);
    if (LLVMIsAConstantExpr(value))
        return trace_operation(trace, value, LLVMGetConstOpcode(value));
    if (!LLVMIsAInstruction(value))
        return ORIGIN_NONE;
    for (unsigned i = 0; i < trace->seen_count; i++)
        if (trace->seen[i] == value)
            return ORIGIN_NONE;
    if (trace->depth >= MAX_DEPTH || trace->seen_count >= MAX_SEEN)
        return ORIGIN_FOREIGN;
    trace->seen[trace->seen_count++] = value;
    trace->depth++;
    origin = trace_operation(trace, value, LLVMGetInstructionOpcode(value));
    trace->depth--;
    return origin;
}

enum origin lower_origin(LLVMValueRef pointer)
{
    struct trace trace = {.seen_count = 0};
    enum origin origin = trace_value(&trace, pointer);

    return origin == ORIGIN_NONE ? ORIGIN_FOREIGN : origin;
}

bool lower_is_offset(LLVMValueRef pointer)
{
    pointer = base_of(pointer);
    if (LLVMIsAConstantExpr(pointer) && LLVMGetConstOpcode(pointer) == LLVMIntToPtr)
        pointer = LLVMGetOperand(pointer, 0);
    return LLVMIsAConstantPointerNull(pointer) || LLVMIsAConstantInt(pointer);
}

/* Contexts of which every pointer member is a mere number to the verifier. */
static bool context_gives_numbers(LLVMValueRef function)
{
    const char *type = lower_context_type(function);

    return !strcmp(type, "pt_regs") || !strcmp(type, "bpf_perf_event_data") ||
           lower_has_prefix(type, "tracepoint__");
}

bool lower_is_certainly_foreign(LLVMValueRef pointer)
{
    for (unsigned depth = 0; depth < MAX_DEPTH; depth++) {
        pointer = base_of(pointer);
        if (LLVMIsAIntToPtrInst(pointer) || LLVMIsAPtrToIntInst(pointer)) {
            pointer = LLVMGetOperand(pointer, 0);
        } else if (LLVMIsACallInst(pointer)) {
            return lower_helper_of_call(pointer) == 35; /* get_current_task */
        } else if (LLVMIsALoadInst(pointer)) {
            pointer = base_of(LLVMGetOperand(pointer, 0));
            if (LLVMIsAArgument(pointer))
                return lower_is_program(LLVMGetParamParent(pointer)) &&
                       context_gives_numbers(LLVMGetParamParent(pointer));
        } else {
            return false;
        }
    }
    return false;
}
