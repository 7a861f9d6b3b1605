/* Libraries inside zip archives (app.apk!/lib/x.so), which Android maps without unpacking them. */
#ifndef LBPF_ELF_ARCHIVE_H
#define LBPF_ELF_ARCHIVE_H

#include "base/error.h"

#include <stdint.h>

struct lbpf_archive_member {
    uint64_t offset, size; /* of its bytes in the archive */
};

/* Finds a member that is stored uncompressed. archive is an open file, path its name for messages.
 * -ENOENT, -EOPNOTSUPP for a member that is compressed or encrypted, -EINVAL for no zip archive. */
int lbpf_archive_find(int archive, const char *path, const char *member,
                      struct lbpf_archive_member *found, struct lbpf_error *error);

#endif
