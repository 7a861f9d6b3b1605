#include "compile/dump.h"

#include "compile/child.h"
#include "compile/toolchain.h"

#include <bpf/btf.h>
#include <gelf.h>
#include <libelf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { INSTRUCTION_BYTES = 8 };

void lbpf_dump_source(const void *object, size_t size, struct lbpf_buffer *dump)
{
    char path[PATH_MAX], file[32];
    char *arguments[] = {path, (char[]){"-S"}, file, NULL};
    int fd = lbpf_memory_file("luabpf-object", object, size);
    struct lbpf_buffer messages = {0};
    struct lbpf_child child = {.path = path,
                               .arguments = arguments,
                               .fds = &fd,
                               .fd_count = 1,
                               .output = dump,
                               .messages = &messages};

    snprintf(file, sizeof file, "/proc/self/fd/%d", LBPF_CHILD_FIRST_FD);
    if (fd >= 0 && !lbpf_toolchain_tool("llvm-objdump", path, sizeof path))
        lbpf_child_run(&child);
    else
        lbpf_buffer_append_string(dump, "llvm-objdump is not installed: no source listing; "
                                        "disassemble_func lists the instructions alone\n");
    if (fd >= 0)
        close(fd);
    lbpf_buffer_free(&messages);
}

static void append_formatted(void *context, const char *format, va_list arguments)
{
    char *text = NULL;

    if (vasprintf(&text, format, arguments) < 0)
        return;
    lbpf_buffer_append_string(context, text);
    free(text);
}

void lbpf_dump_btf(const void *object, size_t size, struct lbpf_buffer *dump)
{
    int fd = lbpf_memory_file("luabpf-object", object, size);
    struct btf_dump *printer = NULL;
    struct btf *btf = NULL;
    char path[32];

    if (fd >= 0) {
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        btf = btf__parse_elf(path, NULL);
        close(fd);
    }
    if (btf)
        printer = btf_dump__new(btf, append_formatted, dump, NULL);
    for (__u32 id = 1; printer && id < btf__type_cnt(btf); id++)
        btf_dump__dump_type(printer, id);
    btf_dump__free(printer);
    btf__free(btf);
}

size_t lbpf_dump_instruction_count(const void *object, size_t size)
{
    Elf *elf =
        elf_version(EV_CURRENT) == EV_NONE ? NULL : elf_memory((char *)(uintptr_t)object, size);
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    size_t count = 0;

    while (elf && (section = elf_nextscn(elf, section)))
        if (gelf_getshdr(section, &header) && header.sh_flags & SHF_EXECINSTR)
            count += header.sh_size / INSTRUCTION_BYTES;
    elf_end(elf);
    return count;
}

/* A line of the report is pairs "seconds (share%)", the last of them by the clock, and the name. */
static double line_time(const char *line, const char *end)
{
    double seconds = 0;

    for (const char *at = line; at < end; at++)
        if (*at == '(') {
            const char *number = at;

            while (number > line && number[-1] == ' ')
                number--;
            while (number > line && strchr("0123456789.", number[-1]))
                number--;
            seconds = strtod(number, NULL);
        }
    return seconds * 1000;
}

double lbpf_dump_plugin_time(const char *report)
{
    static const char *const passes[] = {"::LowerDialect", "::CheckResult"};
    double time = 0;

    for (size_t i = 0; i < sizeof passes / sizeof *passes; i++)
        for (const char *at = report; (at = strstr(at, passes[i])); at++) {
            const char *line = at;

            while (line > report && line[-1] != '\n')
                line--;
            time += line_time(line, at);
        }
    return time;
}
