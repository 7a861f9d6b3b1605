/* clang's argument vector. */
#ifndef LBPF_COMPILE_ARGUMENTS_H
#define LBPF_COMPILE_ARGUMENTS_H

#include "base/architecture.h"
#include "base/buffer.h"

#include <stdbool.h>

enum { LBPF_ARGUMENT_LIMIT = 512 };

struct lbpf_arguments {
    struct lbpf_buffer text; /* each argument ended by a NUL */
    char *vector[LBPF_ARGUMENT_LIMIT];
};

void lbpf_arguments_add(struct lbpf_arguments *arguments, const char *format, ...)
    LBPF_PRINTF(2, 3);
/* Adds what every program is compiled with: target, language, warnings, the kernel's version. */
void lbpf_arguments_add_language(struct lbpf_arguments *arguments,
                                 const struct lbpf_architecture *architecture);
/* LINUX_VERSION_CODE: the running kernel's, or what $BCC_LINUX_VERSION_CODE says. */
unsigned lbpf_kernel_version_code(void);
/* Makes the vector, ended by NULL. Nothing may be added afterwards. False when there are too many
 * arguments or memory is short. */
bool lbpf_arguments_finish(struct lbpf_arguments *arguments);
void lbpf_arguments_free(struct lbpf_arguments *arguments);

#endif
