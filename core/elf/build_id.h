/*
 * Where files lie that are found by their build id alone: under the debug root, where distributions
 * put them, and in what debuginfod's client fetched for others. Nothing is fetched here. That a
 * file there has the id is for the caller to check.
 */
#ifndef LBPF_ELF_BUILD_ID_H
#define LBPF_ELF_BUILD_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lbpf_build_id_kind { LBPF_DEBUG_FILE, LBPF_EXECUTABLE };

/* Place number (from 0) as a path; false when there are no more. A place that does not exist here,
 * or whose path is too long, is "". */
bool lbpf_build_id_place(enum lbpf_build_id_kind kind, size_t number, const uint8_t *id,
                         size_t id_size, char *path, size_t size);

/* $BCC_DEBUGINFO_ROOT, or /usr/lib/debug. */
const char *lbpf_debug_root(void);

#endif
