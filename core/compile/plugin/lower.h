/*
 * Lowering of BCC's dialect inside clang, between its front end and its optimizer.
 *
 * The prelude makes most of the dialect ordinary C: a table is a constant struct of inline
 * functions, which LLVM folds away by itself. What C can't say is done here, one file per kind:
 *
 *   packet.c      members of packet headers, whose bits lie in the order of the wire
 *   methods.c     arguments that a method call leaves out, and the type of submitted events
 *   parameters.c  a probe function's parameters 2… come out of the registers
 *   usdt.c        arguments of user-space tracepoints
 *   bit_fields.c  refuses bit fields whose place the loader decides
 *   reads.c       loads through pointers that a BPF program may not follow become probe_read calls
 *   origin.c      … and which pointers those are
 *   typed.c       … but for those whose type the verifier knows
 *   merge.c       … and fewer of them, where one read serves several loads or the final place
 *   inputs.c      foreign memory that a helper reads is copied to the stack first
 *   outline.c     what a method does at several places of a program may become a function
 *   overwritten.c zeros in variables that a helper overwrites
 *   scratch.c     variables that do not fit on the stack move to per-CPU memory
 *   printk.c      format strings of bpf_trace_printk
 *   bounds.c      sizes whose limit the verifier must be able to see
 *   saturation.c  subtraction that ends at zero, for which BPF has no instruction
 *   finish.c      names, sections and licence of the finished object
 *   debug_info.c  the few questions asked of debug info
 *   report.c      tells that the compiler has succeeded, before it gives its memory back
 *
 * A message to the user is printed as clang prints its own, at the user's line, and ends the
 * compiler.
 */
#ifndef LOWER_H
#define LOWER_H

#include <llvm-c/Core.h>
#include <llvm-c/DebugInfo.h>

#include <stdbool.h>

/* Where attributes of a function itself are kept, in the type that the calls take. */
#define FUNCTION_ATTRIBUTES ((LLVMAttributeIndex)LLVMAttributeFunctionIndex)

struct lowering {
    LLVMModuleRef module;
    LLVMContextRef context;
    LLVMBuilderRef builder;
    LLVMTypeRef i8, i32, i64, pointer, nothing;
    unsigned error_count;
};

/* Lowers the module in place; exits with status 1 after printing what could not be lowered. */
void lower_module(LLVMModuleRef module);

/* The same for the optimized module. */
void lower_optimized(LLVMModuleRef module);
/* Has the compiler's success told to whoever asks for it by $LUABPF_REPORT. */
void lower_report_success(void);
/* Ends the compiler if there were errors. */
void lower_stop_on_errors(const struct lowering *lowering);

/* Prints "file:line:column: error: luabpf: …" for instruction's source position and counts it. */
void lower_error(struct lowering *lowering, LLVMValueRef instruction, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

/* The same for what compiles all the same; the user sees it with debug flags. */
void lower_warning(struct lowering *lowering, LLVMValueRef instruction, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

/* Runs passes of LLVM's on the module. */
void lower_run_passes(struct lowering *lowering, const char *passes);

/* A function that becomes a BPF program: defined and visible outside. */
bool lower_is_program(LLVMValueRef function);

/* Puts the builder before instruction and gives new code its source position. */
void lower_build_at(struct lowering *lowering, LLVMValueRef instruction);
/* A stack slot of the given type in the function of instruction. */
LLVMValueRef lower_stack_slot(struct lowering *lowering, LLVMValueRef instruction,
                              LLVMTypeRef type);
/* Calls BPF helper number id with arguments; result i64 (or pointer for none so far). */
LLVMValueRef lower_call_helper(struct lowering *lowering, unsigned id, LLVMValueRef *arguments,
                               unsigned count);
/* The number of the BPF helper that a call goes to, or 0 when it calls something else. */
unsigned lower_helper_of_call(LLVMValueRef call);
/* The name of a function that a call goes to directly, or "". */
const char *lower_callee_name(LLVMValueRef call);
bool lower_has_suffix(const char *name, const char *suffix);
bool lower_has_prefix(const char *name, const char *prefix);

/* BPF helpers that lowered code calls; values are the kernel's. */
enum {
    HELPER_PROBE_READ = 4,
    HELPER_TRACE_PRINTK = 6,
    HELPER_L3_CSUM_REPLACE = 10,
    HELPER_L4_CSUM_REPLACE = 11,
    HELPER_PROBE_READ_KERNEL = 113,
    HELPER_TRACE_VPRINTK = 177,
};

/* --- debug_info.c --- */

/* Name of the struct that the function's first parameter points to ("pt_regs"), or "". */
const char *lower_context_type(LLVMValueRef function);
/* Makes a global of C type `type` (debug info), so that its BTF is kept: see event types. */
void lower_keep_type(struct lowering *lowering, const char *name, LLVMMetadataRef type);
/* The kernel's type of a map, as its declaration says, or 0. */
unsigned lower_map_type(struct lowering *lowering, LLVMValueRef map);
/* Source position of an instruction as "file:line:column", into text. */
void lower_position(LLVMValueRef instruction, char *text, size_t size);

/* --- plugin.cpp: what the C interface lacks --- */

/* What metadata of this kind a global has, or NULL. */
LLVMValueRef lower_global_metadata(LLVMValueRef global, const char *kind);
/* Puts a function's debug info into the compile unit that another's is in. */
void lower_set_unit(LLVMMetadataRef subprogram, LLVMMetadataRef other);

/* --- origin.c --- */

/* Where a pointer may point. MIXED means that it depends on the path taken. */
enum origin { ORIGIN_NONE = 0, ORIGIN_DIRECT = 1, ORIGIN_FOREIGN = 2, ORIGIN_MIXED = 3 };
enum origin lower_origin(LLVMValueRef pointer);
/* Programs over packets, sockets and cgroups: pointers in their context are the verifier's own. */
bool lower_is_network_context(const char *context_type);

/* --- the steps --- */
void lower_packets(struct lowering *lowering);
void lower_methods(struct lowering *lowering);
void lower_parameters(struct lowering *lowering);
/* True when there are new calls to inline. */
bool lower_usdt(struct lowering *lowering);
void lower_bit_fields(struct lowering *lowering);
void lower_reads(struct lowering *lowering);
void lower_printk(struct lowering *lowering);
void lower_bounds(struct lowering *lowering);
/* Marks calls to inline, kind by kind; false when a round has none left. */
bool lower_outline(struct lowering *lowering, unsigned round);
/* Whether function still calls what lower_outline left a function. */
bool lower_calls_outlined(struct lowering *lowering, LLVMValueRef function);
void lower_finish(struct lowering *lowering);
void lower_overwritten(struct lowering *lowering);
/* Of the optimized module. */
void lower_saturation(struct lowering *lowering);
/* Refuses what would silently go wrong. */
void lower_check(struct lowering *lowering);

#endif
