/*
 * Writes types as two loaded modules would have them, behind the running kernel's: the files
 * "first" and "second" in the folder that is given. Each has a structure that leads to a type of
 * the kernel's and one that leads to a type of its own, so that wrong numbering shows. Both have
 * the structure luabpf_common, and each its own luabpf_other.
 */
#include <bpf/btf.h>
#include <stdio.h>

static int write_module(struct btf *kernel, const char *folder, const char *name)
{
    struct btf *module = btf__new_empty_split(kernel);
    int task = btf__find_by_name_kind(kernel, "task_struct", BTF_KIND_STRUCT);
    int number = btf__find_by_name_kind(kernel, "unsigned int", BTF_KIND_INT);
    char text[256];
    int pointer, part, to_part, nameless, common, other;
    const void *bytes;
    __u32 size;
    FILE *file;

    pointer = btf__add_ptr(module, task);
    snprintf(text, sizeof text, "luabpf_%s_part", name);
    part = btf__add_struct(module, text, 8);
    btf__add_field(module, "low", number, 0, 0);
    snprintf(text, sizeof text, "high_of_%s", name);
    btf__add_field(module, text, number, 32, 0);
    to_part = btf__add_ptr(module, part);
    nameless = btf__add_union(module, NULL, 4);
    btf__add_field(module, "inside", number, 0, 0);
    common = btf__add_struct(module, "luabpf_common", 4);
    btf__add_field(module, "both", number, 0, 0);
    snprintf(text, sizeof text, "only_%s", name);
    other = btf__add_struct(module, "luabpf_other", 4);
    btf__add_field(module, text, number, 0, 0);
    snprintf(text, sizeof text, "luabpf_%s", name);
    btf__add_struct(module, text, 32);
    btf__add_field(module, "task", pointer, 0, 0);
    btf__add_field(module, "part", to_part, 64, 0);
    btf__add_field(module, NULL, nameless, 128, 0);
    btf__add_field(module, "common", common, 160, 0);
    btf__add_field(module, "other", other, 192, 0);
    bytes = btf__raw_data(module, &size);
    snprintf(text, sizeof text, "%s/%s", folder, name);
    file = fopen(text, "wb");
    if (!bytes || !file || fwrite(bytes, 1, size, file) != size || fclose(file))
        return 1;
    btf__free(module);
    return 0;
}

int main(int count, char **arguments)
{
    struct btf *kernel = btf__load_vmlinux_btf();

    if (count != 2 || !kernel || write_module(kernel, arguments[1], "first") ||
        write_module(kernel, arguments[1], "second"))
        return 1;
    btf__free(kernel);
    return 0;
}
