/* Zip archives: members by name and by place. */
#include "elf/archive.h"
#include "input.h"

static void check(const struct lbpf_archive_member *member, size_t size)
{
    if (member->offset > size || member->size > size - member->offset)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    int fd = open_input(bytes, size);
    struct lbpf_error error = {0};
    struct lbpf_archive_member member;

    lbpf_archive_is(fd);
    if (lbpf_archive_find(fd, "input", "lib/x.so", &member, &error) == 0)
        check(&member, size);
    else if (!error.message[0])
        abort();
    lbpf_error_clear(&error);
    for (uint64_t offset = 0; offset < size + 4096; offset += 4096) {
        if (lbpf_archive_find_at(fd, "input", offset, 4096, &member, &error) == 0) {
            check(&member, size);
            free(member.name);
        } else if (!error.message[0]) {
            abort();
        }
        lbpf_error_clear(&error);
    }
    close(fd);
    return 0;
}
