-- bitehist: a histogram of the sizes of disk requests, drawn at Ctrl-C

local bpf = require("bpf")

local b <close> = bpf.BPF{ text = [[
BPF_HISTOGRAM(sizes);

TRACEPOINT_PROBE(block, block_rq_complete)
{
    sizes.increment(bpf_log2l(args->nr_sector / 2)); // a sector has 512 bytes
    return 0;
}
]] }

io.stdout:setvbuf("line")
print("Tracing disk requests. Ctrl-C ends and shows the sizes.")
bpf.until_interrupted()
b.sizes:print_log2_hist("kbytes")
