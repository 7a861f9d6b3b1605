/* Functions of the program, named with or without the prefix that their kind has. */
#ifndef LBPF_ATTACH_FUNCTION_NAME_H
#define LBPF_ATTACH_FUNCTION_NAME_H

#include "kernel/object.h"

enum { LBPF_FUNCTION_NAME_SIZE = 512 };

/* name, if the object has that function; else the first prefix + name that it has, written into
 * text; else name. prefixes ends with NULL. */
const char *lbpf_function_name(const struct lbpf_object *object, const char *name,
                               const char *const *prefixes, char *text, size_t size);

#endif
