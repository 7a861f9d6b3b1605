/*
 * Writes the running kernel's types as another kernel might have them, to the file that is given:
 *
 *     each PIDTYPE is more by ten, task_struct.comm has 32 bytes, its flags are a bit field of 5,
 *     its exit_code has 8 bytes, callback_head.func lies at 16, small structures are larger
 */
#include <bpf/btf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct btf_type *find(struct btf *btf, const char *name, unsigned kind)
{
    int id = btf__find_by_name_kind(btf, name, kind);

    return id < 0 ? NULL : (struct btf_type *)(uintptr_t)btf__type_by_id(btf, (unsigned)id);
}

static struct btf_member *member(struct btf *btf, struct btf_type *type, const char *name)
{
    for (unsigned i = 0; i < btf_vlen(type); i++)
        if (!strcmp(btf__name_by_offset(btf, btf_members(type)[i].name_off), name))
            return &btf_members(type)[i];
    return NULL;
}

static const char *const larger[] = {"callback_head", "list_head",  "hlist_head", "hlist_node",
                                     "rb_node",       "llist_node", "rb_root",    "llist_head",
                                     "plist_node",    "plist_head", "qstr"};

int main(int count, char **arguments)
{
    struct btf *btf = btf__load_vmlinux_btf();
    struct btf_type *task = find(btf, "task_struct", BTF_KIND_STRUCT);
    struct btf_type *head = find(btf, "callback_head", BTF_KIND_STRUCT);
    struct btf_type *kinds = find(btf, "pid_type", BTF_KIND_ENUM);
    struct btf_type *name;
    const void *bytes;
    unsigned size;
    FILE *file;

    if (count != 2 || !task || !head || !kinds)
        return 1;
    for (unsigned i = 0; i < btf_vlen(kinds); i++)
        btf_enum(kinds)[i].val += 10;
    name = (struct btf_type *)(uintptr_t)btf__type_by_id(btf, member(btf, task, "comm")->type);
    btf_array(name)->nelems = 32;
    member(btf, task, "flags")->offset |= 5u << 24;
    member(btf, task, "exit_code")->type =
        (unsigned)btf__find_by_name_kind(btf, "long int", BTF_KIND_INT);
    for (unsigned i = 0; i < sizeof larger / sizeof *larger; i++)
        find(btf, larger[i], BTF_KIND_STRUCT)->size += 8;
    member(btf, head, "func")->offset = 128;
    bytes = btf__raw_data(btf, &size);
    file = fopen(arguments[1], "wb");
    if (!bytes || !file || fwrite(bytes, 1, size, file) != size || fclose(file))
        return 1;
    btf__free(btf);
    return 0;
}
