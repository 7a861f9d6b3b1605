/*
 * The verifier's phrases in the words of someone who writes tracing programs. The kernel's wording
 * changes between versions, so a rule is the constant part of a phrase, with '*' for what varies;
 * $1 and $2 in the cause or the advice stand for what the first and second '*' matched. Rules are
 * tried in order.
 */
#include "kernel/verifier_hints.h"

#include "kernel/helper_versions.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPTURES 3

struct rule {
    const char *pattern, *cause, *advice;
};

#define CHECK_NULL "check the result before using it: if (!p) return 0;"
#define BOUND_IT                                                                                   \
    "bound it right before the use: if (i >= N) return 0; or i &= N - 1; with N the size, a "      \
    "power of "                                                                                    \
    "two; and make i unsigned"
#define LESS_STACK                                                                                 \
    "the stack is 512 bytes for all functions together: keep big structs in a BPF_PERCPU_ARRAY "   \
    "of one "                                                                                      \
    "element, or reserve them in a ring buffer"
#define SIMPLER_LOOP                                                                               \
    "give the loop a constant, smaller upper limit (for (i = 0; i < 64; i++)), or split the work " \
    "over "                                                                                        \
    "tail calls"
#define READ_IT                                                                                    \
    "read the memory with bpf_probe_read_kernel(&value, sizeof value, pointer), or "               \
    "bpf_probe_read_user for a pointer of the traced program"

static const struct rule rules[] = {
    /* objects made for other kernels */
    {"failed to resolve CO-RE relocation <*] * (", "this kernel has no $2, or a different one",
     "compile the program for this kernel, or ask first: if (bpf_core_field_exists(p->member))"},
    /* NULL checks */
    {"invalid mem access 'map_value_or_null'",
     "the result of a table look-up is used without a check for NULL",
     "check the result of lookup(): if (!p) return 0;"},
    {"pointer arithmetic on map_value_or_null prohibited",
     "arithmetic on the result of a table look-up that may be NULL",
     "check the result of lookup() first: if (!p) return 0;"},
    {"invalid mem access 'ringbuf_mem_or_null'",
     "the result of a ring buffer reservation is used without a check for NULL",
     "check the result of ringbuf_reserve(): if (!e) return 0;"},
    {"invalid mem access 'alloc_mem_or_null'", /* 5.8 to 5.16 call it so */
     "the result of a ring buffer reservation is used without a check for NULL",
     "check the result of ringbuf_reserve(): if (!e) return 0;"},
    {"invalid mem access 'mem_or_null'",
     "the result of a reservation is used without a check for NULL",
     "check the result of ringbuf_reserve(): if (!e) return 0;"},
    {"invalid mem access 'null'", "a pointer that is NULL on one way to here is used", CHECK_NULL},
    {"invalid mem access '*_or_null'", "a pointer that may be NULL ($1) is used without a check",
     CHECK_NULL},
    {"pointer arithmetic on *_or_null prohibited", "arithmetic on a pointer that may be NULL ($1)",
     CHECK_NULL},
    {"type=*_or_null expected=", "a pointer that may be NULL ($1) is given to a helper",
     CHECK_NULL},
    {"Possibly NULL pointer passed to", "a pointer that may be NULL is given to a helper",
     CHECK_NULL},
    /* memory that is not the program's */
    {"invalid mem access 'inv'", "memory is read through a pointer that is not the program's own",
     READ_IT},
    {"invalid mem access 'scalar'",
     "memory is read through a pointer that is not the program's own", READ_IT},
    {"invalid mem access '*'", "memory cannot be used through a pointer of kind $1", READ_IT},
    {"access beyond struct", "a kernel struct is read beyond its end", NULL},
    {"only read is supported", "kernel memory cannot be written", NULL},
    {"write into map forbidden", "a constant (const or read-only data) is written",
     "leave off const, or keep the value in a BPF_ARRAY"},
    {"only read from * is supported", "a table itself is used like a variable",
     "use its methods: table.lookup(&key), table.update(&key, &value)"},
    /* stack */
    {"invalid stack off=", "the stack is used beyond its 512 bytes", LESS_STACK},
    {"invalid write to stack * off=", "the stack is used beyond its 512 bytes", LESS_STACK},
    {"combined stack size of * calls is *.",
     "the stack of $1 functions that call each other is $2 bytes, more than 512", LESS_STACK},
    {"stack limit", "the stack is used beyond its 512 bytes", LESS_STACK},
    {"invalid indirect read from stack",
     "a variable is given to a helper before all its bytes are set",
     "set it when you declare it: struct event e = {}; padding between members counts too"},
    {"invalid read from stack", "a variable is read before it is set",
     "set it when you declare it: struct event e = {};"},
    {"invalid indirect access to stack", "a helper is given more bytes than the variable has",
     "pass the size of the variable: sizeof buffer; all variables together have 512 bytes"},
    {"invalid unbounded variable-offset", "an array on the stack is indexed without a limit",
     BOUND_IT},
    {"invalid variable-offset", "an array on the stack is indexed beyond its end", BOUND_IT},
    {"variable-offset stack", "an array on the stack is indexed by a variable",
     "keep the array in a BPF_PERCPU_ARRAY of one element"},
    {"misaligned", "memory is used at an odd address",
     "copy packed data with __builtin_memcpy, or drop the cast"},
    {"math between fp pointer and register",
     "an array on the stack is indexed by a number without known limits", BOUND_IT},
    /* limits of tables and numbers */
    {"math between map_value pointer and register",
     "a table's value is indexed by a number without known limits", BOUND_IT},
    {"math between ctx pointer and register", "the context is read at an offset that varies",
     "use constant member names of the context"},
    {"math between * pointer and register",
     "a pointer ($1) is indexed by a number without known limits", BOUND_IT},
    {"invalid access to map value, value_size=* off=* size",
     "a table's value of $1 bytes is used at offset $2, beyond its end", BOUND_IT},
    {"invalid access to map key", "a table's key is used beyond its end", BOUND_IT},
    {"invalid access to packet", "the packet is read without a check of its length",
     "compare with data_end first: if (p + sizeof *p > data_end) return 0;"},
    {"invalid access to memory, mem_size=* off=* size",
     "memory of $1 bytes is used at offset $2, beyond its end", BOUND_IT},
    {"min value is negative", "a size or an index may be negative",
     "make the variable unsigned, and " BOUND_IT},
    {"unbounded memory access", "a size or an index has no known upper limit", BOUND_IT},
    {"invalid zero-sized read", "a size may be 0", "check it: if (n == 0) return 0;"},
    {"max value is outside of the allowed memory range", "an index may go beyond the end",
     BOUND_IT},
    {"min value is outside of the allowed memory range", "an index may go beyond the bounds",
     BOUND_IT},
    /* helpers */
    {"cannot call GPL-restricted function from non-GPL compatible program",
     "this helper is only for programs under the GPL",
     "declare the licence: char _license[] SEC(\"license\") = \"GPL\";"},
    {"helper call is not allowed in probe", "this helper may not be called from this probe", NULL},
    {"cannot pass map_type * into func *#", "this kind of table cannot be used with $2",
     "call the method that the table's kind has"},
    {"expected prog array map for tail call", "a tail call needs a table made by BPF_PROG_ARRAY",
     "declare BPF_PROG_ARRAY(name, size) and use name.call(ctx, index)"},
    {"kernel subsystem misconfigured", "a helper is called with the wrong kind of table",
     "use the methods that the table's kind has; tail calls need a BPF_PROG_ARRAY"},
    {"tail_call abusing map_ptr", "the table of a tail call is not the same on every path",
     "call each BPF_PROG_ARRAY in its own branch"},
    {"tail_calls are not allowed",
     "tail calls do not go together with this program's other functions",
     "make the called functions static inline"},
    {"Unreleased reference", "what is reserved here is not given back on every path",
     "call ringbuf_submit() or ringbuf_discard() before each return"},
    {"reference leak", "something reserved is not given back on every path",
     "call ringbuf_submit() or ringbuf_discard() before each return"},
    {"expected=fp", "a helper needs a pointer to memory of the program here",
     "copy the value into a variable and pass its address: u64 key = …; table.lookup(&key)"},
    {"type=* expected=*", "an argument of the wrong kind: $1 is given, $2 is needed", NULL},
    {"arg#0 expected pointer to ctx",
     "a function that takes the context is called with something else", "pass ctx on as it is"},
    /* loops and size */
    {"infinite loop detected", "this loop may never end", SIMPLER_LOOP},
    {"back-edge from insn", "this kernel (before 5.3) takes no loops",
     "let the compiler unroll it: #pragma unroll before the loop, with a constant limit"},
    {"BPF program is too large. Processed", "following all paths takes more than a million steps",
     SIMPLER_LOOP},
    {"sequence of * jumps is too complex", "there are too many branches ($1) on one way through",
     "use fewer branches inside the loop, or a smaller limit"},
    {"program is too large", "the program has too many instructions", SIMPLER_LOOP},
    {"loop is not bounded", "this loop has no known limit", SIMPLER_LOOP},
    {"call stack of * frames is too deep", "functions call each other too deep ($1 levels)",
     "make some of them static inline"},
    {"recursive call", "a function calls itself", "BPF has no recursion: use a loop with a limit"},
    {"unreachable insn", "a part of the program can never be reached",
     "look for a return, or for undefined behaviour, before it"},
    {"last insn is not an exit", "a function ends without a return statement",
     "end every path with return 0;"},
    {"jump out of range", "a function ends without a return statement",
     "end every path with return 0;"},
    /* context, registers */
    {"invalid bpf_context access off=* size=*",
     "the context has no readable (or writable) member at offset $1",
     "this kind of probe has another context: check the argument's type and the attach call; the "
     "context is read-only"},
    {"dereference of modified ctx ptr", "the context pointer was changed before it is used",
     "use members of ctx directly (ctx->member), not arithmetic or an array index on ctx"},
    {"variable ctx access", "the context is read at an offset that varies",
     "use constant member names of the context, with a switch for the cases"},
    {"R0 !read_ok", "the function ends without a value to return", "end every path with return 0;"},
    {"!read_ok", "a variable is read before it is set", "set it when you declare it: u64 x = 0;"},
    {"frame pointer is read only", "the frame pointer is written", NULL},
    {"At program exit the register R0 has", "this kind of program must return another value",
     "return 0;"},
    {"pointer arithmetic with * operator prohibited",
     "a pointer is used in arithmetic ($1) that only numbers may take part in",
     "copy its value to a u64 read from memory, or compare with NULL only"},
    {"pointer comparison prohibited", "two pointers are compared",
     "compare their contents instead"},
    {"32-bit pointer arithmetic prohibited", "a pointer is cut to 32 bits", "use u64 for pointers"},
    {"pointer arithmetic", "arithmetic on a pointer that does not allow it", NULL},
    {"leaks addr", "an address of the kernel would become visible to user space",
     "run with CAP_PERFMON, or do not store pointers"},
    {"unknown opcode", "an instruction that this kernel does not know",
     "the compiler made code for a newer kernel: compile with -mcpu=v2, or remove global variables "
     "on "
     "kernels before 5.2"},
    {"<invalid CO-RE relocation>", "a member or a type that this kernel does not have is used",
     "check the struct in the running kernel's BTF"},
};

/* ---- matching ------------------------------------------------------------------------------- */

struct capture {
    const char *start;
    size_t size;
};

/* Where a '*' at the end of a pattern stops. */
static size_t word_length(const char *text)
{
    return strcspn(text, " \n,;'#");
}

/* Whether the pattern matches at text; a '*' takes the shortest text within the line that lets the
 * rest match. */
static bool match_here(const char *pattern, const char *text, struct capture *captures)
{
    size_t used = 0;

    for (;;) {
        size_t literal = strcspn(pattern, "*");
        const char *next;

        if (strncmp(text, pattern, literal))
            return false;
        text += literal;
        pattern += literal;
        if (!*pattern)
            return true;
        pattern++;
        literal = strcspn(pattern, "*");
        next = text + word_length(text);
        if (literal) {
            char piece[96];

            snprintf(piece, sizeof piece, "%.*s", (int)literal, pattern);
            next = strstr(text, piece);
            if (!next || memchr(text, '\n', (size_t)(next - text)))
                return false;
        }
        if (used < CAPTURES) {
            captures[used].start = text;
            captures[used++].size = (size_t)(next - text);
        }
        text = next;
    }
}

static bool matches(const char *pattern, const char *words, struct capture *captures)
{
    for (const char *at = words; *at; at++) {
        if ((*at == *pattern || *pattern == '*') && match_here(pattern, at, captures))
            return true;
    }
    return false;
}

static void expand(struct lbpf_buffer *out, const char *text, const struct capture *captures)
{
    for (; text && *text; text++) {
        if (text[0] == '$' && text[1] >= '1' && text[1] <= '0' + CAPTURES) {
            const struct capture *capture = &captures[text[1] - '1'];

            lbpf_buffer_append(out, capture->start ? capture->start : "", capture->size);
            text++;
        } else {
            lbpf_buffer_append(out, text, 1);
        }
    }
}

/* ---- helpers, which need the table of versions ------------------------------------------------
 */

/* "invalid func unknown#9999", "unknown func bpf_redirect#23", "program of this type cannot use
 * helper …". */
static bool explain_helper(const char *words, struct lbpf_buffer *cause, struct lbpf_buffer *advice)
{
    static const char *const phrases[] = {"cannot use helper ", "unknown func ", "invalid func "};
    const char *found = NULL, *hash, *name, *since;
    unsigned long number;

    for (size_t i = 0; !found && i < sizeof phrases / sizeof phrases[0]; i++) {
        found = strstr(words, phrases[i]);
        if (found)
            found += strlen(phrases[i]);
    }
    hash = found ? strchr(found, '#') : NULL;
    if (!hash || !isdigit((unsigned char)hash[1]))
        return false;
    number = strtoul(hash + 1, NULL, 10);
    name = number <= UINT32_MAX ? lbpf_helper_name((uint32_t)number) : NULL;
    since = number <= UINT32_MAX ? lbpf_helper_since((uint32_t)number) : NULL;
    if (!name) {
        lbpf_buffer_printf(cause, "there is no helper function with number %lu", number);
        return true;
    }
    if (strstr(words, "cannot use helper ") || strstr(words, "unknown func bpf_")) {
        lbpf_buffer_printf(cause, "bpf_%s() is not for this kind of program", name);
        lbpf_buffer_printf(advice, "bpf_%s came with Linux %s, but not for every kind of probe",
                           name, since ? since : "?");
        return true;
    }
    lbpf_buffer_printf(cause, "this kernel has no bpf_%s()", name);
    lbpf_buffer_printf(advice, "bpf_%s was added in Linux %s", name, since ? since : "?");
    return true;
}

void lbpf_verifier_hint(const char *words, struct lbpf_buffer *cause, struct lbpf_buffer *advice)
{
    if (explain_helper(words, cause, advice))
        return;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct capture captures[CAPTURES] = {{0}};

        if (!matches(rules[i].pattern, words, captures))
            continue;
        expand(cause, rules[i].cause, captures);
        expand(advice, rules[i].advice, captures);
        return;
    }
    lbpf_buffer_append_string(cause, words);
}
