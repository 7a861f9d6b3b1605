/*
 * tracing_form OBJECT: what becomes of each program of OBJECT as fentry, or as fexit when its name
 * begins with "at_return": the offsets of its loads, or why it can't be done. The function that is
 * traced takes 8, 4 and 8 bytes and gives a result; when the name begins with "in_place", none is.
 */
#include "kernel/tracing_form.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    const struct lbpf_kernel_function target = {
        .argument_count = 3, .argument_sizes = {8, 4, 8}, .has_result = true};
    struct bpf_object *object = argc > 1 ? bpf_object__open(argv[1]) : NULL;
    struct bpf_program *program;

    if (!object)
        return 1;
    bpf_object__for_each_program(program, object)
    {
        const char *name = bpf_program__name(program);
        size_t count = bpf_program__insn_cnt(program);
        struct bpf_insn *copy = malloc(count * sizeof *copy);
        const char *reason;

        if (!copy)
            return 1;
        memcpy(copy, bpf_program__insns(program), count * sizeof *copy);
        reason = lbpf_tracing_form(copy, count, strncmp(name, "in_place", 8) ? &target : NULL,
                                   !strncmp(name, "at_return", 9));
        printf("%s:%s%s", name, reason ? " " : "", reason ? reason : "");
        for (size_t i = 0; i < count && !reason; i++) {
            if (BPF_CLASS(copy[i].code) == BPF_LDX)
                printf(" %d", copy[i].off);
        }
        puts("");
        free(copy);
    }
    bpf_object__close(object);
    return 0;
}
