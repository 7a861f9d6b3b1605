#include "compile/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

void lbpf_arguments_add(struct lbpf_arguments *arguments, const char *format, ...)
{
    va_list list;
    char *end;
    int size;

    va_start(list, format);
    size = vsnprintf(NULL, 0, format, list);
    va_end(list);
    end = size < 0 ? NULL : lbpf_buffer_reserve(&arguments->text, (size_t)size + 1);
    if (!end)
        return;
    va_start(list, format);
    vsnprintf(end, (size_t)size + 1, format, list);
    va_end(list);
    arguments->text.size += (size_t)size + 1;
}

bool lbpf_arguments_finish(struct lbpf_arguments *arguments)
{
    size_t count = 0;

    if (arguments->text.failed)
        return false;
    for (size_t at = 0; at < arguments->text.size; at += strlen(arguments->text.data + at) + 1) {
        if (count == LBPF_ARGUMENT_LIMIT - 1)
            return false;
        arguments->vector[count++] = arguments->text.data + at;
    }
    arguments->vector[count] = NULL;
    return true;
}

void lbpf_arguments_free(struct lbpf_arguments *arguments)
{
    lbpf_buffer_free(&arguments->text);
}

unsigned lbpf_kernel_version_code(void)
{
    const char *own = getenv("BCC_LINUX_VERSION_CODE");
    struct utsname name;
    unsigned major = 0, minor = 0, patch = 0;

    if (own && *own && !own[strspn(own, "0123456789")] && strlen(own) < 10)
        return (unsigned)strtoul(own, NULL, 10);
    if (!uname(&name))
        sscanf(name.release, "%u.%u.%u", &major, &minor, &patch);
    return (major << 16) + (minor << 8) + (patch < 255 ? patch : 255);
}

void lbpf_arguments_add_language(struct lbpf_arguments *arguments,
                                 const struct lbpf_architecture *architecture)
{
    static const char *const flags[] = {
        "-O2",
        "-gdwarf-5",
        "-gembed-source",
        "-nostdinc",
        "-fms-extensions",
        "-fno-delete-null-pointer-checks",
        "-fno-strict-aliasing",
        "-fno-jump-tables",
        "-fno-stack-protector",
        "-fno-crash-diagnostics",
        "-fno-discard-value-names", /* the lowering names variables that do not fit on the stack */
        "-fno-color-diagnostics",
        "-fno-asynchronous-unwind-tables",
        "-fdebug-compilation-dir=",
        "-D__BPF_TRACING__",
        "-D__KERNEL__",
        "-DKBUILD_MODNAME=\"luabpf\"",
        "-Wno-unknown-warning-option",
        "-Wno-unused-value",
        "-Wno-pointer-sign",
        "-Wno-address-of-packed-member",
        "-Wno-deprecated-declarations",
        "-Wno-gnu-variable-sized-type-not-at-end",
        "-Wno-pragma-once-outside-header",
        "-Wno-duplicate-decl-specifier",
        "-Wno-microsoft-anon-tag",
        "-Wno-visibility",
        "-Wno-compare-distinct-pointer-types",
        "-Wno-unused-command-line-argument",
        "-Wno-error=int-conversion",
        "-Wno-error=incompatible-pointer-types",
    };

    lbpf_arguments_add(arguments, "-target");
    lbpf_arguments_add(arguments, "%s", __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? "bpfeb" : "bpfel");
    lbpf_arguments_add(arguments, "-mcpu=v3");
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        lbpf_arguments_add(arguments, "%s", flags[i]);
    lbpf_arguments_add(arguments, "-D__TARGET_ARCH_%s", architecture->target);
    lbpf_arguments_add(arguments, "-DLINUX_VERSION_CODE=%u", lbpf_kernel_version_code());
}
