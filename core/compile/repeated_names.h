/* Names that several functions of the kernel have. */
#ifndef LBPF_COMPILE_REPEATED_NAMES_H
#define LBPF_COMPILE_REPEATED_NAMES_H

#include <stdbool.h>

/* Whether a second function of the kernel itself, modules aside, has the name; true as well when
 * that can't be found out. */
bool lbpf_kernel_name_is_repeated(const char *name);

#endif
