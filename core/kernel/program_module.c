/*
 * Programs for functions of modules. Whether a function was found in the module that the program
 * names: libbpf takes the first that has the name, so the kernel itself is asked afterwards.
 */
#include "kernel/program_module.h"

#include "kernel/program_kind.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

enum { NAME_SIZE = 128 };

/* Whose types they are; false when neither the kernel's nor a module's. */
static bool read_owner(int types_fd, char name[NAME_SIZE])
{
    struct bpf_btf_info types = {.name = (uintptr_t)name, .name_len = NAME_SIZE};
    uint32_t size = sizeof types;

    return !bpf_obj_get_info_by_fd(types_fd, &types, &size) && types.kernel_btf;
}

/* The module (or "vmlinux") whose function the program is loaded for; false when the kernel does
 * not tell: before 5.17, or without CAP_SYS_ADMIN. */
static bool found_in(int program_fd, char name[NAME_SIZE])
{
    struct bpf_prog_info program = {0};
    uint32_t size = sizeof program;
    bool is_known;
    int fd;

    if (bpf_obj_get_info_by_fd(program_fd, &program, &size) || !program.attach_btf_obj_id)
        return false;
    fd = bpf_btf_get_fd_by_id(program.attach_btf_obj_id);
    if (fd < 0)
        return false;
    is_known = read_owner(fd, name);
    close(fd);
    return is_known;
}

int lbpf_module_types_open(const char *module)
{
    char name[NAME_SIZE];
    uint32_t id = 0;

    while (bpf_btf_get_next_id(id, &id) == 0) {
        int fd = bpf_btf_get_fd_by_id(id);

        if (fd < 0 && errno != ENOENT) /* that one went meanwhile */
            return -errno;
        if (fd >= 0 && read_owner(fd, name) && strcmp(name, module) == 0)
            return fd;
        if (fd >= 0)
            close(fd);
    }
    return -errno;
}

int lbpf_program_check_module(int program_fd, const char *function, const char *target,
                              struct lbpf_error *error)
{
    char wanted[NAME_SIZE], found[NAME_SIZE] = "";
    bool is_kernel;

    if (!lbpf_program_module(function, wanted, sizeof wanted) || !target ||
        strcmp(target, lbpf_program_short_name(function)) != 0 || !found_in(program_fd, found) ||
        !strcmp(wanted, found))
        return 0;
    is_kernel = !strcmp(found, "vmlinux");
    lbpf_error_set(error, ENOENT, "load",
                   "Failed to load BPF program %s: %s is a function of %s%s, not of module %s",
                   function, target, is_kernel ? "the kernel proper" : "module ",
                   is_kernel ? "" : found, wanted);
    lbpf_error_hint(error,
                    "trace it with %s%s%s; where both have a function of this name, the other one "
                    "can't be reached",
                    is_kernel ? "KFUNC_PROBE(" : "MODULE_KFUNC_PROBE(", is_kernel ? "" : found,
                    is_kernel ? "…)" : ", …)");
    return -ENOENT;
}
