/*
 * Which kernel runs: two kernels with the same release string are common (a rebuilt package, a
 * microVM), so the name carries the build id out of the kernel's own notes.
 */
#include "base/buffer.h"
#include "host/features.h"

#include <ctype.h>
#include <elf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

enum { NOTES_LIMIT = 64 * 1024, BUILD_ID_LIMIT = 64 };

static size_t note_padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* Appends the GNU build id in hex; nothing when the notes have none. */
static void append_build_id(struct lbpf_buffer *name, const struct lbpf_buffer *notes)
{
    Elf64_Nhdr header; /* the same layout for both classes */

    for (size_t at = 0; notes->size - at >= sizeof header;) {
        size_t owner = at + sizeof header, bytes, end;

        memcpy(&header, notes->data + at, sizeof header);
        if (header.n_namesz > notes->size - owner)
            return;
        bytes = owner + note_padded(header.n_namesz);
        if (bytes > notes->size || header.n_descsz > notes->size - bytes)
            return;
        if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == sizeof ELF_NOTE_GNU &&
            memcmp(notes->data + owner, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 &&
            header.n_descsz <= BUILD_ID_LIMIT) {
            lbpf_buffer_append_string(name, "-");
            for (size_t i = 0; i < header.n_descsz; i++)
                lbpf_buffer_printf(name, "%02x", (uint8_t)notes->data[bytes + i]);
            return;
        }
        end = bytes + note_padded(header.n_descsz);
        at = end < notes->size ? end : notes->size;
    }
}

/* It becomes a file name, so all but plain characters turn into '_'. */
static void append_plain(struct lbpf_buffer *name, const char *text)
{
    for (; *text; text++) {
        char c = *text;

        if (!isalnum((unsigned char)c) && !strchr("._+-", c))
            c = '_';
        lbpf_buffer_append(name, &c, 1);
    }
}

void lbpf_kernel_identity(char *text, size_t size)
{
    struct lbpf_buffer name = {0}, notes = {0};
    struct utsname kernel;

    if (uname(&kernel) == 0) {
        append_plain(&name, kernel.release);
        lbpf_buffer_append_string(&name, "-");
        append_plain(&name, kernel.version);
    }
    if (lbpf_buffer_read_file(&notes, "/sys/kernel/notes", NOTES_LIMIT) == 0 && notes.data)
        append_build_id(&name, &notes);
    snprintf(text, size, "%s", lbpf_buffer_string(&name));
    lbpf_buffer_free(&name);
    lbpf_buffer_free(&notes);
}
