-- biolatency: histogram of the time that disk requests take
--
-- A request is known by its address from the moment the driver gets it until it is complete.

local tool = require("bpf.tool")

local function disk_name(text)
  if #text > 0 and #text < 32 then return text end
  return nil, ("'%s' is no name of a disk"):format(text)
end

local parser = tool.parser("biolatency", "Histogram of the time that disk requests take.",
  "command interval")
parser:flag("-T --timestamp", "Show the time of day with each report.")
parser:flag("-Q --queued", "Count the time in the operating system's queue, too.")
parser:flag("-m --milliseconds", "Milliseconds instead of microseconds.")
parser:flag("-D --disks", "A histogram for each disk.")
parser:flag("-F --flags", "A histogram for each operation: read, write, flush, …")
parser:option("--disk", "Only this disk, as vda."):argname("<name>"):convert(disk_name)
parser:flag("-e --extension", "Show the sum and the average, too.")
local options = parser:parse()

local program = [[
struct bucket_t {
    char disk[32]; // DISK_NAME_LEN
    u64 operation;
};
struct key_t {
    struct bucket_t bucket;
    u64 slot;
};

struct sum_t {
    u64 count, total_ns;
};

BPF_ARRAY(sums, struct sum_t, 1);
BPF_HASH(starts, struct request *, u64, 65536);
#if defined(DISKS) || defined(FLAGS)
BPF_HISTOGRAM(latencies, struct key_t, 65536);
#else
BPF_HISTOGRAM(latencies);
#endif

RAW_TRACEPOINT_PROBE(block_rq_issue)
{
    struct request *request = (struct request *)ctx->args[0];
    u64 now = bpf_ktime_get_ns();
#ifdef QUEUED
    if (request->start_time_ns)
        now = request->start_time_ns;
#endif
    starts.update(&request, &now);
    return 0;
}

RAW_TRACEPOINT_PROBE(block_rq_complete)
{
    struct request *request = (struct request *)ctx->args[0];
    u64 *start = starts.lookup(&request);
    // It may become complete in parts; the last one ends it.
    if (!start || (u32)ctx->args[2] < request->__data_len)
        return 0;
    u64 ns = bpf_ktime_get_ns() - *start, slot = bpf_log2l(ns / UNIT);
    starts.delete(&request);
#ifdef ONLY
    char name[32] = {};
    bpf_probe_read_kernel_str(name, sizeof(name), request->q->disk->disk_name);
    if (!IS_DISK(name))
        return 0;
#endif
#ifdef EXTENSION
    u32 first = 0;
    struct sum_t *sum = sums.lookup(&first);
    if (sum) {
        lock_xadd(&sum->count, 1);
        lock_xadd(&sum->total_ns, ns);
    }
#endif
#if defined(DISKS) || defined(FLAGS)
    struct key_t key = {.slot = slot};
#ifdef DISKS
    struct gendisk *disk = request->q->disk;
    bpf_probe_read_kernel_str(key.bucket.disk, sizeof(key.bucket.disk), disk->disk_name);
#endif
#ifdef FLAGS
    key.bucket.operation = request->cmd_flags & 0xff; // REQ_OP_MASK
#endif
    latencies.atomic_increment(key);
#else
    latencies.atomic_increment(slot);
#endif
    return 0;
}
]]

local operations = {
  [0] = "read", "write", "flush", "discard", [5] = "secure erase", [7] = "zone append",
  [9] = "write zeroes", [34] = "driver in", [35] = "driver out",
}

local function bucket_text(bucket)
  local operation = operations[bucket.operation] or ("operation %d"):format(bucket.operation)
  if not options.disks then return operation end
  return options.flags and bucket.disk .. " " .. operation or bucket.disk
end

local b <close> = tool.load(options, program, {
  QUEUED = options.queued, DISKS = options.disks, FLAGS = options.flags,
  UNIT = options.milliseconds and 1000000 or 1000, ONLY = options.disk and #options.disk + 1,
  EXTENSION = options.extension,
  ["IS_DISK(name)"] = options.disk and tool.same_text("name", options.disk),
})

if not options.json then print("Tracing disk requests. Ctrl-C ends.") end
tool.report(options, function()
  if options.timestamp and not options.json then print(os.date("%H:%M:%S")) end
  tool.print_histogram(b.latencies, options, {
    val_type = options.milliseconds and "msecs" or "usecs",
    section_header = options.disks and "disk" or "operation",
    section_print_fn = bucket_text,
  })
  local sum = b.sums[0]
  if options.extension and sum.count > 0 then
    tool.print_sum(options, sum.count, sum.total_ns, options.milliseconds and "msecs" or "usecs")
    b.sums:zero()
  end
end)
