/*
 * Static functions of different files may share a name, and the kernel takes the first of them when
 * it is asked for one. Reading the kernel's 60,000 names takes 40 ms; so the repeated ones, which
 * never change in a built kernel, are kept in the cache. They are kept as hashes: two names with
 * one hash count as one name, which makes a careful answer, not a wrong one.
 */
#include "compile/repeated_names.h"

#include "base/buffer.h"
#include "base/strmap.h"
#include "compile/cache.h"
#include "host/features.h"
#include "host/kallsyms.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t hash_of(const char *name)
{
    return lbpf_hash64(name, strlen(name), 0);
}

static int add_hash(void *context, const struct lbpf_ksym *symbol, char type)
{
    uint64_t hash = hash_of(symbol->name);

    if (strchr("tTwW", type) && strcmp(symbol->module, "kernel") == 0)
        lbpf_buffer_append(context, &hash, sizeof hash);
    return 0;
}

static int compare(const void *one, const void *other)
{
    uint64_t a, b;

    memcpy(&a, one, sizeof a);
    memcpy(&b, other, sizeof b);
    return a < b ? -1 : a > b;
}

/* Leaves one of each that comes several times. */
static void keep_repeated(struct lbpf_buffer *hashes)
{
    char *list = hashes->data;
    size_t kept = 0;

    qsort(list, hashes->size / sizeof(uint64_t), sizeof(uint64_t), compare);
    for (size_t at = sizeof(uint64_t); at < hashes->size; at += sizeof(uint64_t)) {
        if (compare(list + at, list + at - sizeof(uint64_t)) == 0 &&
            (kept == 0 || compare(list + at, list + kept - sizeof(uint64_t)) != 0)) {
            memcpy(list + kept, list + at, sizeof(uint64_t));
            kept += sizeof(uint64_t);
        }
    }
    hashes->size = kept;
}

static bool read_repeated(struct lbpf_buffer *hashes)
{
    char identity[256], key[320];

    lbpf_kernel_identity(identity, sizeof identity);
    snprintf(key, sizeof key, "repeated names of kernel %s", identity);
    if (lbpf_cache_read(key, strlen(key), hashes) && hashes->size % sizeof(uint64_t) == 0)
        return true;
    lbpf_buffer_free(hashes);
    if (lbpf_kallsyms_scan(NULL, add_hash, hashes, NULL) != 0 || hashes->failed || !hashes->size) {
        lbpf_buffer_free(hashes);
        return false;
    }
    keep_repeated(hashes);
    lbpf_cache_write(key, strlen(key), hashes->data, hashes->size);
    return true;
}

bool lbpf_kernel_name_is_repeated(const char *name)
{
    uint64_t hash = hash_of(name);
    struct lbpf_buffer hashes = {0};
    bool is_repeated = true;

    if (read_repeated(&hashes))
        is_repeated = hashes.size &&
                      bsearch(&hash, hashes.data, hashes.size / sizeof hash, sizeof hash, compare);
    lbpf_buffer_free(&hashes);
    return is_repeated;
}
