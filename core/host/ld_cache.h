/* The dynamic linker's index of libraries, /etc/ld.so.cache. */
#ifndef LBPF_HOST_LD_CACHE_H
#define LBPF_HOST_LD_CACHE_H

/* One library of this machine's word size. level tells variants of one name apart: 0 runs
 * everywhere, higher ones are for processors like this one and win (glibc-hwcaps). */
typedef void lbpf_ld_cache_visit(void *context, const char *name, const char *path, unsigned level);

/* Visits those that can run on this processor, in the file's order. root: see host/root.h. */
void lbpf_ld_cache_each(int root, lbpf_ld_cache_visit *visit, void *context);

#endif
