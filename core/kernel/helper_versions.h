/* Which kernel first had a helper function. */
#ifndef LBPF_KERNEL_HELPER_VERSIONS_H
#define LBPF_KERNEL_HELPER_VERSIONS_H

#include <stdint.h>

/* "map_lookup_elem" for 1; NULL when the number is not known here. Static string. */
const char *lbpf_helper_name(uint32_t number);
/* "5.8" for 131; NULL when the number is not known here. Static string. */
const char *lbpf_helper_since(uint32_t number);
/* The number of "bpf_map_lookup_elem" or "map_lookup_elem"; 0 when unknown. */
uint32_t lbpf_helper_number(const char *name);

#endif
