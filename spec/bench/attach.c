/* attach OBJECT COMMAND: attaches the programs of a ready object with libbpf, and runs COMMAND. */
#include <bpf/libbpf.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    struct bpf_object *object = argc > 2 ? bpf_object__open(argv[1]) : NULL;
    struct bpf_program *program;
    int status;

    if (!object || bpf_object__load(object))
        return 1;
    bpf_object__for_each_program(program, object)
    {
        if (!bpf_program__attach(program))
            return 1;
    }
    status = system(argv[2]);
    bpf_object__close(object);
    return status != 0;
}
