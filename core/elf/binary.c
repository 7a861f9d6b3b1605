/*
 * Opening what probes are put into. A member of an archive is copied into a file in memory, so that
 * libelf sees an ELF file; its offsets then count from where it starts in the archive.
 */
#include "elf/binary.h"

#include "elf/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

static const char op[] = "open binary";

enum { MEMBER_LIMIT = 1024 * 1024 * 1024 };

/* A file in memory, or -errno. */
static int copy_member(int archive, const struct lbpf_archive_member *member)
{
    int copy = memfd_create("member", MFD_CLOEXEC);
    off_t offset = (off_t)member->offset;
    uint64_t left = member->size;

    if (copy < 0)
        return -errno;
    while (left > 0) {
        ssize_t sent = sendfile(copy, archive, &offset, (size_t)left);
        int code = sent == 0 ? EIO : errno;

        if (sent > 0) {
            left -= (uint64_t)sent;
        } else if (sent == 0 || code != EINTR) {
            close(copy);
            return -code;
        }
    }
    return copy;
}

static int open_member(struct lbpf_binary *binary, const char *name, struct lbpf_error *error)
{
    struct lbpf_archive_member member;
    int result = lbpf_archive_find(binary->library.fd, binary->library.name, name, &member, error);

    if (result < 0)
        return result;
    if (member.size > MEMBER_LIMIT)
        return lbpf_error_set(error, EFBIG, op, "%s is larger than 1 GB", binary->name);
    result = copy_member(binary->library.fd, &member);
    if (result < 0)
        return lbpf_error_set(error, -result, op, "%s can not be copied: %s", binary->name,
                              strerror(-result));
    binary->start = member.offset;
    return lbpf_elf_open_fd(&binary->elf, result, binary->name, error);
}

static int open_whole(struct lbpf_binary *binary, struct lbpf_error *error)
{
    int copy = fcntl(binary->library.fd, F_DUPFD_CLOEXEC, 0), result;

    if (copy < 0)
        return lbpf_error_set(error, errno, op, "%s can not be opened: %s", binary->name,
                              strerror(errno));
    result = lbpf_elf_open_fd(&binary->elf, copy, binary->name, error);
    if (result == 0) {
        binary->elf.path = binary->library.path;
        binary->elf.root = binary->library.root;
    }
    return result;
}

int lbpf_binary_open(struct lbpf_binary *binary, const char *name, pid_t pid,
                     struct lbpf_error *error)
{
    const char *mark = strstr(name, "!/");
    char file[PATH_MAX];
    int result;

    binary->start = 0;
    if (mark &&
        (size_t)snprintf(file, sizeof file, "%.*s", (int)(mark - name), name) >= sizeof file)
        return lbpf_error_set(error, ENAMETOOLONG, op, "the path is too long");
    result = lbpf_library_open(&binary->library, mark ? file : name, pid, error);
    if (result < 0)
        return result;
    snprintf(binary->name, sizeof binary->name, "%s%s", binary->library.name, mark ? mark : "");
    result = mark ? open_member(binary, mark + 2, error) : open_whole(binary, error);
    if (result < 0)
        lbpf_library_close(&binary->library);
    return result;
}

void lbpf_binary_close(struct lbpf_binary *binary)
{
    lbpf_elf_close(&binary->elf);
    lbpf_library_close(&binary->library);
}
