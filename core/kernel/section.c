/* The bytes of an object's section that libbpf has no use for. */
#include "kernel/object_private.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>

int lbpf_object_copy_section(const struct lbpf_object *object, const char *wanted,
                             struct lbpf_buffer *text)
{
    Elf *elf = elf_memory(object->elf, object->elf_size);
    Elf_Scn *section = NULL;
    size_t names;

    if (!elf || elf_getshdrstrndx(elf, &names)) {
        elf_end(elf);
        return 0; /* not ours */
    }
    while ((section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        const Elf_Data *data = name && !strcmp(name, wanted) ? elf_getdata(section, NULL) : NULL;

        if (data && data->d_buf)
            lbpf_buffer_append(text, data->d_buf, data->d_size);
    }
    elf_end(elf);
    return text->failed ? -ENOMEM : 0;
}
