/*
 * Probes of a USDT context by name: what they pass, and which function each is enabled for. A name
 * may have colons itself, so that "a:b" can mean a provider's probe or a probe of that name.
 */
#include "attach/usdt_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- questions -------------------------------------------------------------------------------- */

pid_t lbpf_usdt_pid(const struct lbpf_usdt *usdt)
{
    return usdt->process.pid;
}

size_t lbpf_usdt_probe_count(const struct lbpf_usdt *usdt)
{
    return usdt->probe_count;
}

const struct lbpf_usdt_probe *lbpf_usdt_probe_at(const struct lbpf_usdt *usdt, size_t index)
{
    return &usdt->probes[index];
}

size_t lbpf_usdt_file_count(const struct lbpf_usdt *usdt)
{
    return usdt->file_count;
}

const struct lbpf_usdt_file *lbpf_usdt_file_of(const struct lbpf_usdt *usdt,
                                               const struct lbpf_usdt_location *location)
{
    return &usdt->files[location->file];
}

size_t lbpf_usdt_argument_count(const struct lbpf_usdt *usdt,
                                const struct lbpf_usdt_location *location)
{
    const char *text = location->arguments;
    struct lbpf_usdt_argument argument;
    size_t count = 0;

    while (lbpf_usdt_argument_next(&text, usdt->files[location->file].machine, &argument))
        count++;
    return count;
}

/* "name" or "provider:name"; *others counts the providers that have the name too. A name may have
 * colons itself. */
static struct lbpf_usdt_probe *find_probe(const struct lbpf_usdt *usdt, const char *wanted,
                                          size_t *matches)
{
    struct lbpf_usdt_probe *found = NULL;

    *matches = 0;
    for (size_t i = 0; i < usdt->probe_count; i++) {
        struct lbpf_usdt_probe *probe = &usdt->probes[i];
        size_t size = strlen(probe->provider);
        bool is_full = strncmp(wanted, probe->provider, size) == 0 && wanted[size] == ':' &&
                       strcmp(wanted + size + 1, probe->name) == 0;

        if (!is_full && strcmp(wanted, probe->name) != 0)
            continue;
        if (++*matches == 1)
            found = probe;
    }
    return found;
}

const char *lbpf_usdt_argument_ctype(const struct lbpf_usdt *usdt, const char *wanted, size_t index)
{
    size_t matches;
    const struct lbpf_usdt_probe *probe = find_probe(usdt, wanted, &matches);
    const char *type = NULL;
    int size = 0;

    for (size_t i = 0; probe && i < probe->location_count; i++) {
        const char *text = probe->locations[i].arguments;
        unsigned machine = usdt->files[probe->locations[i].file].machine;
        struct lbpf_usdt_argument argument;

        for (size_t at = 0; lbpf_usdt_argument_next(&text, machine, &argument); at++)
            if (at == index && argument.size > size) {
                size = argument.size;
                type = lbpf_usdt_argument_type(&argument);
            }
    }
    return type;
}

/* --- enabling --------------------------------------------------------------------------------- */

static int refuse_probe(int code, const char *wanted, const char *why, struct lbpf_error *error)
{
    return lbpf_error_set(error, code, "enable USDT probe",
                          "Failed to enable USDT probe '%.120s': %s", wanted, why);
}

static int refuse_missing(const struct lbpf_usdt *usdt, const char *wanted,
                          struct lbpf_error *error)
{
    char unread[500] = "";

    if (usdt->unread_count > 0)
        snprintf(unread, sizeof unread, "; %zu mapped files could not be read, the first: %.400s",
                 usdt->unread_count, usdt->unread);
    refuse_probe(ENOENT, wanted, "there is no probe with this name", error);
    if (usdt->probe_count == 0)
        lbpf_error_hint(error,
                        "%s has no probes at all: was it built with them (--enable-dtrace, "
                        "--with-dtrace, <sys/sdt.h>)?%s",
                        usdt->process.pid > 0 ? "the process" : "the file", unread);
    else
        lbpf_error_hint(error, "enumerate_probes() lists the %zu that there are%s",
                        usdt->probe_count, unread);
    return -ENOENT;
}

static int refuse_ambiguous(size_t matches, const char *wanted, struct lbpf_error *error)
{
    char why[100];

    snprintf(why, sizeof why, "Two same-name probes (%zu) but different providers", matches);
    refuse_probe(EINVAL, wanted, why, error);
    lbpf_error_hint(error, "give it as provider:name");
    return -EINVAL;
}

static bool is_identifier(const char *name)
{
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    while (isalnum((unsigned char)*name) || *name == '_')
        name++;
    return *name == '\0';
}

int lbpf_usdt_enable(struct lbpf_usdt *usdt, const char *wanted, const char *function,
                     struct lbpf_error *error)
{
    size_t matches;
    struct lbpf_usdt_probe *probe = find_probe(usdt, wanted, &matches);

    if (!probe)
        return refuse_missing(usdt, wanted, error);
    if (matches > 1)
        return refuse_ambiguous(matches, wanted, error);
    if (!is_identifier(function))
        return refuse_probe(EINVAL, wanted, "fn_name is no name of a C function", error);
    if (probe->function) {
        refuse_probe(EEXIST, wanted, "it is enabled already", error);
        lbpf_error_hint(error,
                        "function %.100s has it; one USDT object enables a probe once, so make a "
                        "second one for another function",
                        probe->function);
        return -EEXIST;
    }
    if (lbpf_usdt_check_process(usdt, error) < 0)
        return -ESRCH;
    probe->function = strdup(function);
    return probe->function ? 0 : lbpf_error_no_memory(error, "enable USDT probe");
}
