/* The perf events of kind "uprobe": sysfs tells their type, and which bit makes a return probe. */
#include "attach/uprobe_event.h"

#include "attach/perf_link.h"
#include "base/buffer.h"

#include <errno.h>
#include <stdio.h>

#define UPROBE_EVENTS "/sys/bus/event_source/devices/uprobe/"

/* The number in a file of sysfs, or -errno. */
static int read_number(const char *path, const char *format)
{
    struct lbpf_buffer text = {0};
    int result = lbpf_buffer_read_file(&text, path, 64), number;

    if (result == 0)
        result = sscanf(lbpf_buffer_string(&text), format, &number) == 1 && number >= 0 ? number
                                                                                        : -EINVAL;
    lbpf_buffer_free(&text);
    return result;
}

int lbpf_uprobe_event_attach(int program, const char *path, uint64_t offset, pid_t pid,
                             bool is_return, uint64_t cookie)
{
    struct perf_event_attr event = {.uprobe_path = (uintptr_t)path, .probe_offset = offset};
    int type = read_number(UPROBE_EVENTS "type", "%d");
    int bit = is_return ? read_number(UPROBE_EVENTS "format/retprobe", "config:%d") : 0;

    if (type < 0 || bit < 0)
        return type < 0 ? type : bit;
    event.type = (uint32_t)type;
    if (is_return)
        event.config |= UINT64_C(1) << (bit & 63);
    return lbpf_perf_link(&event, pid, program, cookie);
}
