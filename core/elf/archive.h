/* Libraries inside zip archives (app.apk!/lib/x.so), which Android maps without unpacking them. */
#ifndef LBPF_ELF_ARCHIVE_H
#define LBPF_ELF_ARCHIVE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct lbpf_archive_member {
    uint64_t offset, size; /* of its bytes in the archive */
    char *name;            /* only from lbpf_archive_find_at(), from malloc */
};

/* Finds a member that is stored uncompressed. archive is an open file, path its name for messages.
 * -ENOENT, -EOPNOTSUPP for a member that is compressed or encrypted, -EINVAL for no zip archive. */
int lbpf_archive_find(int archive, const char *path, const char *member,
                      struct lbpf_archive_member *found, struct lbpf_error *error);

/* Whether a file begins as archives do. */
bool lbpf_archive_is(int fd);

/* Finds the stored member that has bytes among the size ones from offset. -ENOENT, -EINVAL,
 * -ENOMEM.
 */
int lbpf_archive_find_at(int archive, const char *path, uint64_t offset, uint64_t size,
                         struct lbpf_archive_member *found, struct lbpf_error *error);

#endif
