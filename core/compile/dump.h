/* What debug flags show of a finished object, as text. */
#ifndef LBPF_COMPILE_DUMP_H
#define LBPF_COMPILE_DUMP_H

#include "base/buffer.h"

/* The instructions between their source lines, by LLVM's own tool where it is installed. */
void lbpf_dump_source(const void *object, size_t size, struct lbpf_buffer *dump);

/* The types of the object's BTF, as C. */
void lbpf_dump_btf(const void *object, size_t size, struct lbpf_buffer *dump);

/* How many instructions the object has. */
size_t lbpf_dump_instruction_count(const void *object, size_t size);

/* The time of our own passes, in ms, out of what clang -ftime-report prints. */
double lbpf_dump_plugin_time(const char *report);

#endif
