/*
 * A kprobe program finds the arguments of the traced function in saved registers, a program at
 * fentry or fexit in an array: the arguments, then the result. When all that a program does with
 * its context is to load those, the same instructions serve with other offsets. That is decided
 * instruction by instruction, from where the context can be: a register or a place on the stack
 * that holds it on one way and something else on another must not be used.
 *
 * The verifier accepted the program as a kprobe, so a context that we follow is one; it will look
 * at the new form again, and refuse there what typed arguments do not allow (arithmetic on
 * pointers), and a result that is not 0.
 */
#include "kernel/tracing_form.h"

#include "base/architecture.h"

#include <stdlib.h>
#include <string.h>

/* Whether a place holds the context. */
enum holds { OTHER, CONTEXT, EITHER };

enum {
    REGISTERS = 11,
    STACK_SLOTS = 64, /* of 8 bytes */
    INSTRUCTION_LIMIT = 16384,
};

struct state {
    uint8_t holds[REGISTERS + STACK_SLOTS];
    bool is_reached;
};

struct program {
    struct bpf_insn *instructions;
    size_t count;
    struct state *states; /* before each instruction */
    size_t *pending;      /* instructions to look at, at most count of them */
    bool *is_pending;
    size_t pending_count;
};

/* ---- the registers of the processor --------------------------------------------------------- */

static const struct lbpf_architecture *own(void)
{
    return lbpf_architecture_own();
}

/* ---- what instructions do ------------------------------------------------------------------- */

static bool is_memory(const struct bpf_insn *instruction)
{
    return BPF_MODE(instruction->code) == BPF_MEM;
}

static unsigned access_size(const struct bpf_insn *instruction)
{
    switch (BPF_SIZE(instruction->code)) {
    case BPF_B:
        return 1;
    case BPF_H:
        return 2;
    case BPF_W:
        return 4;
    default:
        return 8;
    }
}

/* The place in holds[] of a whole slot below the frame pointer, or -1. */
static int slot_of(const struct bpf_insn *instruction, uint8_t base)
{
    if (base != BPF_REG_10 || access_size(instruction) != 8 || instruction->off % 8 != 0 ||
        instruction->off >= 0 || instruction->off < -8 * STACK_SLOTS)
        return -1;
    return REGISTERS + instruction->off / 8 + STACK_SLOTS;
}

static bool is_plain_move(const struct bpf_insn *instruction)
{
    return instruction->code == (BPF_ALU64 | BPF_MOV | BPF_X) && instruction->off == 0;
}

/* Something is written to the stack; over a part of a slot, this makes it useless. */
static void write_stack(struct state *state, const struct bpf_insn *instruction, uint8_t value)
{
    int slot = slot_of(instruction, instruction->dst_reg), first, last;

    if (slot >= 0) {
        state->holds[slot] = value;
        return;
    }
    first = instruction->off;
    last = first + (int)access_size(instruction) - 1;
    if (instruction->dst_reg != BPF_REG_10 || first < -8 * STACK_SLOTS || last >= 0)
        return;
    first = (first + 8 * STACK_SLOTS) / 8 + REGISTERS;
    last = (last + 8 * STACK_SLOTS) / 8 + REGISTERS;
    for (slot = first; slot <= last; slot++) {
        if (state->holds[slot] != OTHER)
            state->holds[slot] = EITHER;
    }
}

static void apply(struct state *state, const struct bpf_insn *instruction)
{
    int slot;

    switch (BPF_CLASS(instruction->code)) {
    case BPF_LD:
        state->holds[instruction->dst_reg] = OTHER;
        break;
    case BPF_LDX:
        slot = slot_of(instruction, instruction->src_reg);
        state->holds[instruction->dst_reg] =
            slot >= 0 && is_memory(instruction) ? state->holds[slot] : OTHER;
        break;
    case BPF_ST:
        write_stack(state, instruction, OTHER);
        break;
    case BPF_STX:
        if (is_memory(instruction)) {
            write_stack(state, instruction, state->holds[instruction->src_reg]);
        } else {
            write_stack(state, instruction, OTHER);
            state->holds[BPF_REG_0] = OTHER; /* what compare-and-exchange found */
        }
        break;
    case BPF_ALU:
    case BPF_ALU64:
        state->holds[instruction->dst_reg] =
            is_plain_move(instruction) ? state->holds[instruction->src_reg] : OTHER;
        break;
    default:
        if (instruction->code == (BPF_JMP | BPF_CALL))
            memset(state->holds, OTHER, BPF_REG_6);
        break;
    }
}

/* ---- where the context can be --------------------------------------------------------------- */

static bool reach(struct program *program, size_t at, const struct state *from)
{
    struct state *state;
    bool is_new;

    if (at >= program->count)
        return false;
    state = &program->states[at];
    is_new = !state->is_reached;
    for (size_t i = 0; i < sizeof state->holds; i++) {
        uint8_t joined = is_new || state->holds[i] == from->holds[i] ? from->holds[i] : EITHER;

        is_new = is_new || joined != state->holds[i];
        state->holds[i] = joined;
    }
    if (!is_new)
        return true;
    state->is_reached = true;
    if (!program->is_pending[at]) {
        program->is_pending[at] = true;
        program->pending[program->pending_count++] = at;
    }
    return true;
}

static bool step(struct program *program, size_t at)
{
    const struct bpf_insn *instruction = &program->instructions[at];
    struct state state = program->states[at];
    uint8_t code = instruction->code, operation = BPF_OP(code);
    bool is_jump = BPF_CLASS(code) == BPF_JMP || BPF_CLASS(code) == BPF_JMP32;

    apply(&state, instruction);
    if (code == (BPF_JMP | BPF_EXIT))
        return true;
    if (is_jump && operation == BPF_JA) /* the 32-bit form keeps its distance elsewhere */
        return reach(program,
                     at + 1 +
                         (size_t)(code == (BPF_JMP | BPF_JA) ? instruction->off : instruction->imm),
                     &state);
    if (is_jump && operation != BPF_CALL &&
        !reach(program, at + 1 + (size_t)instruction->off, &state))
        return false;
    return reach(program, at + (BPF_CLASS(code) == BPF_LD ? 2 : 1), &state);
}

static bool follow(struct program *program)
{
    struct state start = {.holds = {[BPF_REG_1] = CONTEXT}};

    if (!reach(program, 0, &start))
        return false;
    while (program->pending_count > 0) {
        size_t at = program->pending[--program->pending_count];

        program->is_pending[at] = false;
        if (!step(program, at))
            return false;
    }
    return true;
}

/* ---- what is done with it ------------------------------------------------------------------- */

static const char otherwise_used[] =
    "it does more with its context than to load arguments or the result";

static bool is_one_of(int32_t number, const int32_t *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == number)
            return true;
    }
    return false;
}

static const char *check_call(const struct state *state, const struct bpf_insn *instruction)
{
    static const int32_t without_arguments[] = {
        BPF_FUNC_ktime_get_ns,
        BPF_FUNC_get_prandom_u32,
        BPF_FUNC_get_smp_processor_id,
        BPF_FUNC_get_current_pid_tgid,
        BPF_FUNC_get_current_uid_gid,
        BPF_FUNC_get_current_task,
        BPF_FUNC_get_numa_node_id,
        BPF_FUNC_get_current_cgroup_id,
        BPF_FUNC_jiffies64,
        BPF_FUNC_ktime_get_boot_ns,
        BPF_FUNC_get_current_task_btf,
        BPF_FUNC_ktime_get_coarse_ns,
    };
    /* The stack helpers are not: they would begin with frames of the probe itself. */
    static const int32_t same_with_context[] = {BPF_FUNC_perf_event_output, BPF_FUNC_get_func_ip,
                                                BPF_FUNC_get_attach_cookie};
    bool is_helper = instruction->src_reg == 0;

    if (is_helper && is_one_of(instruction->imm, without_arguments,
                               sizeof without_arguments / sizeof without_arguments[0]))
        return NULL; /* what is in the registers is left over */
    for (int argument = BPF_REG_2; argument <= BPF_REG_5; argument++) {
        if (state->holds[argument] != OTHER)
            return otherwise_used;
    }
    if (state->holds[BPF_REG_1] == OTHER)
        return NULL;
    if (is_helper && instruction->imm == BPF_FUNC_tail_call)
        return "it calls another program";
    if (is_helper &&
        (instruction->imm == BPF_FUNC_get_stackid || instruction->imm == BPF_FUNC_get_stack))
        return "it takes stack traces, which would begin inside the probe";
    if (is_helper && state->holds[BPF_REG_1] == CONTEXT &&
        is_one_of(instruction->imm, same_with_context,
                  sizeof same_with_context / sizeof same_with_context[0]))
        return NULL;
    return otherwise_used;
}

static const char other_registers[] = "it reads other registers than those of the arguments";

static const char *check_place(const struct bpf_insn *load)
{
    for (unsigned i = 0; i < own()->argument_count; i++) {
        if (load->off == (int16_t)own()->arguments[i])
            return NULL;
    }
    return other_registers;
}

static const char *move_load(struct bpf_insn *load, const struct lbpf_kernel_function *target,
                             bool is_return)
{
    if (!is_memory(load))
        return otherwise_used;
    if (!target)
        return check_place(load);
    if (is_return) {
        if (load->off != (int16_t)own()->result)
            return "it reads other registers than that of the result";
        if (!target->has_result)
            return "it reads the result of a function that has none";
        load->off = (int16_t)(8 * target->argument_count);
        return NULL;
    }
    for (unsigned i = 0; i < own()->argument_count && i < target->argument_count; i++) {
        if (load->off != (int16_t)own()->arguments[i])
            continue;
        if (access_size(load) > target->argument_sizes[i])
            return "it reads more bytes of an argument than that has";
        load->off = (int16_t)(8 * i);
        return NULL;
    }
    return other_registers;
}

static const char *check(struct bpf_insn *instruction, const struct state *state,
                         const struct lbpf_kernel_function *target, bool is_return)
{
    uint8_t source = state->holds[instruction->src_reg];
    uint8_t place = state->holds[instruction->dst_reg];

    switch (BPF_CLASS(instruction->code)) {
    case BPF_LD:
        return NULL;
    case BPF_LDX:
        if (source == CONTEXT)
            return move_load(instruction, target, is_return);
        return source == EITHER ? otherwise_used : NULL;
    case BPF_ST:
        return place == OTHER ? NULL : otherwise_used;
    case BPF_STX:
        if (place != OTHER)
            return otherwise_used;
        return source == OTHER ||
                       (is_memory(instruction) && slot_of(instruction, instruction->dst_reg) >= 0)
                   ? NULL
                   : otherwise_used;
    default:
        break;
    }
    if (is_plain_move(instruction) || instruction->code == (BPF_JMP | BPF_EXIT))
        return NULL;
    if (instruction->code == (BPF_JMP | BPF_CALL))
        return check_call(state, instruction);
    if (BPF_SRC(instruction->code) == BPF_X && source != OTHER)
        return otherwise_used;
    return place == OTHER || BPF_OP(instruction->code) == BPF_MOV ? NULL : otherwise_used;
}

/* Functions of the program could reach the context through a pointer to the stack. */
static bool is_hidden(const struct program *program)
{
    bool is_on_stack = false, calls = false;

    for (size_t at = 0; at < program->count; at++) {
        const struct bpf_insn *instruction = &program->instructions[at];
        const struct state *state = &program->states[at];

        if (!state->is_reached)
            continue;
        calls = calls ||
                (instruction->code == (BPF_JMP | BPF_CALL) &&
                 instruction->src_reg == BPF_PSEUDO_CALL) ||
                (instruction->code == (BPF_LD | BPF_IMM | BPF_DW) &&
                 instruction->src_reg == BPF_PSEUDO_FUNC);
        for (int slot = REGISTERS; slot < REGISTERS + STACK_SLOTS; slot++)
            is_on_stack = is_on_stack || state->holds[slot] != OTHER;
    }
    return is_on_stack && calls;
}

static const char *rewrite(struct program *program, const struct lbpf_kernel_function *target,
                           bool is_return)
{
    const char *reason = NULL;

    if (!follow(program) || is_hidden(program))
        return otherwise_used;
    for (size_t at = 0; at < program->count && !reason; at++) {
        if (program->states[at].is_reached)
            reason = check(&program->instructions[at], &program->states[at], target, is_return);
    }
    return reason;
}

const char *lbpf_tracing_form(struct bpf_insn *instructions, size_t count,
                              const struct lbpf_kernel_function *target, bool is_return)
{
    struct program program = {.instructions = instructions, .count = count};
    const char *reason = "there is not enough memory";

    if (count > INSTRUCTION_LIMIT)
        return "it is too large";
    if (target && target->argument_count > own()->argument_count)
        return "the kernel function has more arguments than go into registers";
    program.states = calloc(count, sizeof *program.states);
    program.pending = calloc(count, sizeof *program.pending);
    program.is_pending = calloc(count, sizeof *program.is_pending);
    if (program.states && program.pending && program.is_pending)
        reason = rewrite(&program, target, is_return);
    free(program.states);
    free(program.pending);
    free(program.is_pending);
    return reason;
}
