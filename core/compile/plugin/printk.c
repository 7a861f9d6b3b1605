/*
 * bpf_trace_printk("format", …): the helper wants the format in memory and its size. Up to three
 * arguments go to bpf_trace_printk, more to bpf_trace_vprintk (Linux 5.16). A call whose first
 * argument is no literal is the helper itself, with the size as second argument, and is passed on
 * as written. What the kernel would refuse at run time, printing nothing, is told as a warning.
 */
#include "lower.h"

#include <string.h>

enum { MAX_DIRECT = 3, MAX_ARGUMENTS = 12 };

/* The literal behind a format argument, or NULL. */
static LLVMValueRef literal_of(LLVMValueRef format)
{
    LLVMValueRef initializer;

    if (!LLVMIsAGlobalVariable(format) || !LLVMIsGlobalConstant(format) ||
        LLVMGetLinkage(format) != LLVMPrivateLinkage)
        return NULL;
    initializer = LLVMGetInitializer(format);
    return initializer && LLVMGetTypeKind(LLVMTypeOf(initializer)) == LLVMArrayTypeKind
               ? initializer
               : NULL;
}

/* The conversion at text, which is behind its '%': how many bytes it is, or 0 when the kernel's
 * bpf_bprintf_prepare() does not take it. Sets *values to how many values it needs. */
static size_t read_conversion(const char *text, unsigned *values)
{
    static const char *const extensions[] = {"pks", "pus", "px",  "pK",  "pB", "ps",
                                             "pS",  "pi4", "pI4", "pi6", "pI6"};
    size_t size = strspn(text, "-+ 0#"), length;

    *values = 1;
    if (*text == '%') {
        *values = 0;
        return 1;
    }
    size += strspn(text + size, "123456789");
    size += strspn(text + size, "0123456789");
    for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
        if (lower_has_prefix(text + size, extensions[i]))
            return size + strlen(extensions[i]);
    if (text[size] && strchr("pcs", text[size]))
        return size + 1;
    length = strspn(text + size, "l");
    return length <= 2 && text[size + length] && strchr("diuxX", text[size + length])
               ? size + length + 1
               : 0;
}

static void check_format(struct lowering *lowering, LLVMValueRef call, const char *format,
                         size_t size, unsigned count)
{
    unsigned needed = 0, values;

    for (size_t i = 0; i + 1 < size && format[i]; i++) {
        size_t conversion;

        if ((unsigned char)format[i] >= 0x80 || (format[i] < ' ' && !strchr("\n\t\r", format[i]))) {
            lower_warning(lowering, call, "unrecognized character: the kernel prints only ASCII");
            return;
        }
        if (format[i] != '%')
            continue;
        conversion = read_conversion(format + i + 1, &values);
        if (!conversion) {
            lower_warning(lowering, call,
                          "only %%c %%d %%i %%u %%x %%ld %%lu %%lx %%lld %%llu %%llx %%p… %%s "
                          "conversion specifiers allowed: the kernel prints nothing");
            return;
        }
        i += conversion;
        needed += values;
    }
    if (needed != count)
        lower_warning(lowering, call, "the format asks for %u values and %u are given%s", needed,
                      count, needed > count ? ": the kernel prints nothing" : "");
}

static LLVMValueRef widen(struct lowering *lowering, LLVMValueRef value)
{
    switch (LLVMGetTypeKind(LLVMTypeOf(value))) {
    case LLVMPointerTypeKind:
        return LLVMBuildPtrToInt(lowering->builder, value, lowering->i64, "");
    case LLVMIntegerTypeKind:
        return LLVMBuildIntCast2(lowering->builder, value, lowering->i64, 0, "");
    default:
        return NULL;
    }
}

static LLVMValueRef call_vprintk(struct lowering *lowering, LLVMValueRef call, LLVMValueRef format,
                                 LLVMValueRef size, LLVMValueRef *values, unsigned count)
{
    LLVMTypeRef array = LLVMArrayType(lowering->i64, count);
    LLVMValueRef slot = lower_stack_slot(lowering, call, array);
    LLVMValueRef arguments[4] = {format, size, slot, LLVMConstInt(lowering->i32, count * 8ull, 0)};

    for (unsigned i = 0; i < count; i++) {
        LLVMValueRef index = LLVMConstInt(lowering->i64, i, 0);

        LLVMBuildStore(
            lowering->builder, values[i],
            LLVMBuildInBoundsGEP2(lowering->builder, lowering->i64, slot, &index, 1, ""));
    }
    return lower_call_helper(lowering, HELPER_TRACE_VPRINTK, arguments, 4);
}

static void lower_call(struct lowering *lowering, LLVMValueRef call)
{
    unsigned given = LLVMGetNumArgOperands(call), count = 0;
    LLVMValueRef format = LLVMGetOperand(call, 0);
    LLVMValueRef literal = literal_of(format), size, result, values[2 + MAX_ARGUMENTS];
    const char *text;
    size_t length = 0;

    lower_build_at(lowering, call);
    if (given - 1 > MAX_ARGUMENTS) {
        lower_error(lowering, call, "bpf_trace_printk takes at most %d values", MAX_ARGUMENTS);
        return;
    }
    for (unsigned i = 1; i < given; i++) {
        values[2 + count] = widen(lowering, LLVMGetOperand(call, i));
        if (!values[2 + count++]) {
            lower_error(lowering, call, "value %u of bpf_trace_printk is no integer or pointer", i);
            return;
        }
    }
    if (literal) {
        text = LLVMIsAConstantDataSequential(literal) ? LLVMGetAsString(literal, &length) : "";
        check_format(lowering, call, text, length, count);
        size = LLVMConstInt(lowering->i32, LLVMGetArrayLength(LLVMTypeOf(literal)), 0);
        if (count <= MAX_DIRECT) {
            values[0] = format;
            values[1] = size;
            result = lower_call_helper(lowering, HELPER_TRACE_PRINTK, values, count + 2);
        } else {
            result = call_vprintk(lowering, call, format, size, values + 2, count);
        }
    } else if (count >= 1 && count <= MAX_DIRECT + 1) {
        values[1] = format;
        result = lower_call_helper(lowering, HELPER_TRACE_PRINTK, values + 1, count + 1);
    } else {
        lower_error(lowering, call,
                    "bpf_trace_printk needs its format as a literal, or a buffer and its size");
        return;
    }
    LLVMReplaceAllUsesWith(call,
                           LLVMBuildIntCast2(lowering->builder, result, LLVMTypeOf(call), 1, ""));
    LLVMInstructionEraseFromParent(call);
}

void lower_printk(struct lowering *lowering)
{
    LLVMValueRef printk = LLVMGetNamedFunction(lowering->module, "bpf_trace_printk");

    if (!printk)
        return;
    for (LLVMUseRef use = LLVMGetFirstUse(printk), next; use; use = next) {
        LLVMValueRef user = LLVMGetUser(use);

        next = LLVMGetNextUse(use);
        if (LLVMIsACallInst(user) && LLVMGetCalledValue(user) == printk)
            lower_call(lowering, user);
    }
    if (!LLVMGetFirstUse(printk))
        LLVMDeleteFunction(printk);
}
