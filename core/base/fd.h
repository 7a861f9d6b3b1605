/* Descriptors. */
#ifndef LBPF_BASE_FD_H
#define LBPF_BASE_FD_H

#include <unistd.h>

/* Closes what is open and makes it -1; what is negative is left. */
static inline void lbpf_close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

#endif
