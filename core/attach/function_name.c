/* BCC completes "vmlinux__vfs_read" to "kfunc__vmlinux__vfs_read", and so on. */
#include "attach/function_name.h"

#include <stdio.h>

const char *lbpf_function_name(const struct lbpf_object *object, const char *name,
                               const char *const *prefixes, char *text, size_t size)
{
    if (lbpf_object_has_function(object, name))
        return name;
    for (; *prefixes; prefixes++) {
        int length = snprintf(text, size, "%s%s", *prefixes, name);

        if (length > 0 && (size_t)length < size && lbpf_object_has_function(object, text))
            return text;
    }
    return name;
}
