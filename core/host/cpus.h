/* Numbers of CPUs. */
#ifndef LBPF_HOST_CPUS_H
#define LBPF_HOST_CPUS_H

#include <stddef.h>

/* The CPUs that are online now, ascending; the caller frees *cpus. 0 or -errno. */
int lbpf_online_cpus(int **cpus, size_t *count);

#endif
