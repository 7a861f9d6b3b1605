/*
 * Packet headers of <bcc/proto.h>. A pointer to one is an offset in the packet, and an access to a
 * member becomes a call of lbpf_packet_read or lbpf_packet_write with the member's place in bits.
 *
 * clang lays bit-fields out from the lowest bit, the network from the highest. But both count in
 * the order of declaration; so the n-th bit of one is the n-th bit of the other, and clang's own
 * shifts and masks say where a member lies. They have one known form only before the first
 * optimization, so this step comes before all others; and <bcc/proto.h> declares bit-fields as
 * volatile, so that the user's own masks are not taken for clang's.
 */
#include "lower.h"

#include <string.h>

/* clang before 18 takes neighbours that fit in no integer of the machine as one of more bits: the
 * two addresses and the type of Ethernet are 112. */
enum { WIDEST = 128 };

/* A member: `bits` of it from bit `first` of an integer of `width` bits in memory. */
struct field {
    LLVMValueRef value; /* what a read gives, or what is written (shifted back by the writer) */
    unsigned width, first, bits;
};

struct packets {
    struct lowering *lowering;
    LLVMValueRef read, write;
};

static bool is_header_type(LLVMTypeRef type)
{
    static const char *const names[] = {
        "ethernet_t", "dot1q_t", "arp_t", "ip_t",  "icmp_t",  "ip6_t",
        "ip6_opt_t",  "icmp6_t", "udp_t", "tcp_t", "vxlan_t", "vxlan_gbp_t",
    };
    const char *name = LLVMGetTypeKind(type) == LLVMStructTypeKind ? LLVMGetStructName(type) : NULL;

    if (!name || !lower_has_prefix(name, "struct."))
        return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name + strlen("struct."), names[i]))
            return true;
    return false;
}

/* Whether address is that of a header's member; not when the header is a variable of its own. */
static bool is_in_header(LLVMValueRef address)
{
    while (LLVMIsAGetElementPtrInst(address)) {
        LLVMValueRef base = LLVMGetOperand(address, 0);

        if (is_header_type(LLVMGetGEPSourceElementType(address)))
            return !LLVMIsAAllocaInst(base) && !LLVMIsAGlobalVariable(base);
        address = base;
    }
    return false;
}

/* The program's packet, or NULL after telling the user that there is none. */
static LLVMValueRef packet_of(struct packets *packets, LLVMValueRef instruction)
{
    LLVMValueRef function = LLVMGetBasicBlockParent(LLVMGetInstructionParent(instruction));

    if (LLVMCountParams(function) > 0 && !strcmp(lower_context_type(function), "__sk_buff"))
        return LLVMGetParam(function, 0);
    lower_error(packets->lowering, instruction,
                "a packet's bytes are read here, but the first parameter of the function is no "
                "struct __sk_buff * (an XDP program reads struct iphdr … from its data pointer)");
    return NULL;
}

static unsigned width_of(LLVMValueRef value)
{
    LLVMTypeRef type = LLVMTypeOf(value);

    return LLVMGetTypeKind(type) == LLVMIntegerTypeKind ? LLVMGetIntTypeWidth(type) : 0;
}

/* The only user of value if that is `opcode` with a constant as second operand, which is given. */
static LLVMValueRef next_step(LLVMValueRef value, LLVMOpcode opcode, unsigned long long *constant)
{
    LLVMUseRef use = LLVMGetFirstUse(value);
    LLVMValueRef user = use ? LLVMGetUser(use) : NULL;

    if (!user || LLVMGetNextUse(use) || !LLVMIsAInstruction(user) ||
        LLVMGetInstructionOpcode(user) != opcode || LLVMGetOperand(user, 0) != value ||
        !LLVMIsAConstantInt(LLVMGetOperand(user, 1)) || width_of(value) > WIDEST)
        return NULL;
    *constant = LLVMConstIntGetZExtValue(LLVMGetOperand(user, 1));
    return user;
}

static unsigned count_ones(unsigned long long mask)
{
    return (unsigned)__builtin_popcountll(mask);
}

/* Where the member lies that a load is for: load, shift right, mask, the latter two if needed. */
static struct field field_read(LLVMValueRef load)
{
    struct field field = {.value = load, .width = width_of(load), .bits = width_of(load)};
    unsigned long long constant;
    LLVMValueRef step;

    if (!LLVMGetVolatile(load))
        return field;
    step = next_step(field.value, LLVMLShr, &constant);
    if (step) {
        field.value = step;
        field.first = (unsigned)constant;
        field.bits -= field.first;
    }
    step = next_step(field.value, LLVMAnd, &constant);
    if (step && !(constant & (constant + 1)) && count_ones(constant) < field.bits) {
        field.value = step;
        field.bits = count_ones(constant);
    }
    return field;
}

/* 64 bits of a constant of any width, from bit 64 * word on. */
static unsigned long long constant_word(struct lowering *lowering, LLVMValueRef constant,
                                        unsigned word)
{
    LLVMValueRef shift;

    if (word * 64 >= width_of(constant))
        return 0;
    shift = LLVMConstInt(LLVMTypeOf(constant), word * 64ull, 0);
    constant = LLVMBuildLShr(lowering->builder, constant, shift, "");
    constant = LLVMBuildIntCast2(lowering->builder, constant, lowering->i64, 0, "");
    return LLVMIsAConstantInt(constant) ? LLVMConstIntGetZExtValue(constant) : 0;
}

/* The bits that a mask leaves out, of a value of `width` bits: false when they are not one run. */
static bool find_gap(struct lowering *lowering, LLVMValueRef mask, struct field *field)
{
    unsigned first = 0, end = field->width;

    while (first < end && constant_word(lowering, mask, first / 64) >> first % 64 & 1)
        first++;
    while (end > first && constant_word(lowering, mask, (end - 1) / 64) >> (end - 1) % 64 & 1)
        end--;
    for (unsigned bit = first; bit < end; bit++)
        if (constant_word(lowering, mask, bit / 64) >> bit % 64 & 1)
            return false;
    field->first = first;
    field->bits = end - first;
    return end > first;
}

/* What a store writes: the whole, or the old value with some bits masked out, or'ed with new ones.
 */
static struct field field_written(struct lowering *lowering, LLVMValueRef store)
{
    LLVMValueRef value = LLVMGetOperand(store, 0), old;
    struct field field = {.value = value, .width = width_of(value), .bits = width_of(value)};
    struct field part = field;

    if (!LLVMGetVolatile(store) || !LLVMIsAInstruction(value) ||
        LLVMGetInstructionOpcode(value) != LLVMOr || field.width > WIDEST)
        return field;
    old = LLVMGetOperand(value, 0);
    if (!LLVMIsAInstruction(old) || LLVMGetInstructionOpcode(old) != LLVMAnd ||
        !LLVMIsALoadInst(LLVMGetOperand(old, 0)) ||
        LLVMGetOperand(LLVMGetOperand(old, 0), 0) != LLVMGetOperand(store, 1) ||
        !LLVMIsAConstantInt(LLVMGetOperand(old, 1)) ||
        !find_gap(lowering, LLVMGetOperand(old, 1), &part))
        return field;
    part.value = LLVMGetOperand(value, 1);
    return part;
}

/* The packet's offset of an address, field->first bits on; leaves the bits within a byte. */
static LLVMValueRef offset_of(struct packets *packets, LLVMValueRef address, struct field *field)
{
    LLVMBuilderRef builder = packets->lowering->builder;
    LLVMTypeRef i64 = packets->lowering->i64;
    LLVMValueRef offset = LLVMBuildPtrToInt(builder, address, i64, "");

    offset = LLVMBuildAdd(builder, offset, LLVMConstInt(i64, field->first / 8, 0), "");
    field->first %= 8;
    return offset;
}

static bool is_supported(struct packets *packets, LLVMValueRef instruction,
                         const struct field *field)
{
    if (field->bits && field->bits + field->first % 8 <= 64)
        return true;
    lower_error(packets->lowering, instruction,
                "only a number of at most 64 bits can be a member of a packet's header");
    return false;
}

static void lower_read(struct packets *packets, LLVMValueRef load)
{
    struct lowering *lowering = packets->lowering;
    LLVMValueRef address = LLVMGetOperand(load, 0), packet = packet_of(packets, load), value;
    struct field field = field_read(load);
    LLVMTypeRef type = LLVMGlobalGetValueType(packets->read);
    LLVMValueRef arguments[4] = {packet};

    if (!packet || !is_supported(packets, load, &field))
        return;
    lower_build_at(lowering, load);
    arguments[1] = offset_of(packets, address, &field);
    arguments[2] = LLVMConstInt(lowering->i64, field.first, 0);
    arguments[3] = LLVMConstInt(lowering->i64, field.bits, 0);
    value = LLVMBuildCall2(lowering->builder, type, packets->read, arguments, 4, "");
    value = LLVMBuildIntCast2(lowering->builder, value, LLVMTypeOf(field.value), 0, "");
    LLVMReplaceAllUsesWith(field.value, value);
}

static void lower_write(struct packets *packets, LLVMValueRef store)
{
    struct lowering *lowering = packets->lowering;
    LLVMValueRef address = LLVMGetOperand(store, 1), packet = packet_of(packets, store);
    struct field field = field_written(lowering, store);
    LLVMTypeRef type = LLVMGlobalGetValueType(packets->write);
    LLVMValueRef arguments[5] = {packet}, shift;

    if (!packet || !is_supported(packets, store, &field))
        return;
    lower_build_at(lowering, store);
    shift = LLVMConstInt(LLVMTypeOf(field.value), field.first, 0);
    field.value = LLVMBuildLShr(lowering->builder, field.value, shift, "");
    arguments[1] = offset_of(packets, address, &field);
    arguments[2] = LLVMConstInt(lowering->i64, field.first, 0);
    arguments[3] = LLVMConstInt(lowering->i64, field.bits, 0);
    arguments[4] = LLVMBuildIntCast2(lowering->builder, field.value, lowering->i64, 0, "");
    LLVMBuildCall2(lowering->builder, type, packets->write, arguments, 5, "");
    LLVMInstructionEraseFromParent(store);
}

typedef bool (*choose_function)(LLVMValueRef instruction);
typedef void (*lower_function)(struct packets *packets, LLVMValueRef instruction);

static bool is_header_store(LLVMValueRef instruction)
{
    return LLVMIsAStoreInst(instruction) && is_in_header(LLVMGetOperand(instruction, 1));
}

/* The loads that belonged to a store have no use left that matters. */
static bool is_header_load(LLVMValueRef instruction)
{
    return LLVMIsALoadInst(instruction) && is_in_header(LLVMGetOperand(instruction, 0)) &&
           LLVMGetFirstUse(instruction);
}

static bool is_dead(LLVMValueRef instruction)
{
    LLVMOpcode opcode = LLVMGetInstructionOpcode(instruction);

    return !LLVMGetFirstUse(instruction) &&
           (opcode == LLVMOr || opcode == LLVMAnd || opcode == LLVMLShr ||
            (opcode == LLVMLoad && is_in_header(LLVMGetOperand(instruction, 0))));
}

static void erase(struct packets *packets, LLVMValueRef instruction)
{
    (void)packets;
    LLVMInstructionEraseFromParent(instruction);
}

/* From the end of each block, so that what only a later instruction used is dead when it is met. */
static void for_each(struct packets *packets, choose_function choose, lower_function lower)
{
    for (LLVMValueRef f = LLVMGetFirstFunction(packets->lowering->module); f;
         f = LLVMGetNextFunction(f))
        for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(f); b; b = LLVMGetNextBasicBlock(b))
            for (LLVMValueRef i = LLVMGetLastInstruction(b), previous; i; i = previous) {
                previous = LLVMGetPreviousInstruction(i);
                if (choose(i))
                    lower(packets, i);
            }
}

/* Calls of lbpf_incr_cksum_l3 and _l4 become the helpers' with the packet in front. */
static void lower_checksum(struct packets *packets, const char *name, unsigned helper)
{
    struct lowering *lowering = packets->lowering;
    LLVMValueRef function = LLVMGetNamedFunction(lowering->module, name);

    for (LLVMUseRef use = function ? LLVMGetFirstUse(function) : NULL, next; use; use = next) {
        LLVMValueRef call = LLVMGetUser(use), packet, result, arguments[5];

        next = LLVMGetNextUse(use);
        packet = packet_of(packets, call);
        if (!packet)
            return;
        arguments[0] = packet;
        for (unsigned i = 0; i < 4; i++)
            arguments[i + 1] = LLVMGetOperand(call, i);
        lower_build_at(lowering, call);
        result = lower_call_helper(lowering, helper, arguments, 5);
        result = LLVMBuildIntCast2(lowering->builder, result, LLVMTypeOf(call), 1, "");
        LLVMReplaceAllUsesWith(call, result);
        LLVMInstructionEraseFromParent(call);
    }
    if (function && !LLVMGetFirstUse(function))
        LLVMDeleteFunction(function);
}

void lower_packets(struct lowering *lowering)
{
    struct packets packets = {.lowering = lowering,
                              .read = LLVMGetNamedFunction(lowering->module, "lbpf_packet_read"),
                              .write = LLVMGetNamedFunction(lowering->module, "lbpf_packet_write")};

    lower_checksum(&packets, "lbpf_incr_cksum_l3", HELPER_L3_CSUM_REPLACE);
    lower_checksum(&packets, "lbpf_incr_cksum_l4", HELPER_L4_CSUM_REPLACE);
    if (!packets.read || !packets.write)
        return; /* no <bcc/proto.h> */
    LLVMSetLinkage(packets.read, LLVMInternalLinkage);
    LLVMSetLinkage(packets.write, LLVMInternalLinkage);
    for_each(&packets, is_header_store, lower_write);
    for_each(&packets, is_dead, erase);
    for_each(&packets, is_header_load, lower_read);
    for_each(&packets, is_dead, erase);
}
