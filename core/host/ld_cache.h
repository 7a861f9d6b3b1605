/* The dynamic linker's index of libraries, /etc/ld.so.cache. */
#ifndef LBPF_HOST_LD_CACHE_H
#define LBPF_HOST_LD_CACHE_H

#include <stdbool.h>
#include <stddef.h>

/* Calls visit(file name, path) for each library of this machine's word size until it returns true,
 * which is then returned. root is put before /etc ("" or "/proc/PID/root"). */
bool lbpf_ld_cache_each(const char *root,
                        bool (*visit)(void *context, const char *name, const char *path),
                        void *context);

#endif
