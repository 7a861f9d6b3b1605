-- biosnoop: show each disk request, who made it, and how long it took
--
-- The process that asks for a request is there when the request is made (block_getrq); the driver
-- may get it from a thread of the kernel. What merges with a later one keeps the thread's name.

local tool = require("bpf.tool")

local parser = tool.parser("biosnoop", "Show each disk request, who made it, and how long it took.",
  "process")
parser:option("-D --disk", "Only this disk, as vda.")
parser:flag("-Q --queue", "Show the time in the operating system's queue, too.")
parser:flag("-P --pattern", "Show whether requests of a disk follow each other: S or R (random).")
local options = parser:parse()

local program = [[
struct place_t {
    struct gendisk *disk;
    u64 sector;
};
struct who_t {
    u32 pid, is_wanted;
    char comm[TASK_COMM_LEN];
};
struct start_t {
    u64 time_ns;
    struct who_t who;
};
struct event_t {
    u64 time_ns, queued_ns, latency_ns, sector;
    u32 pid, bytes, operation, error;
    char comm[TASK_COMM_LEN];
    char disk[32]; // DISK_NAME_LEN
};

BPF_TABLE("lru_hash", struct place_t, struct who_t, askers, 16384);
BPF_HASH(starts, struct request *, struct start_t, 65536);
BPF_PERF_OUTPUT(events);

static inline void set_current(struct who_t *who)
{
    who->pid = bpf_get_current_pid_tgid() >> 32;
    who->is_wanted = wanted();
    bpf_get_current_comm(&who->comm, sizeof(who->comm));
}

RAW_TRACEPOINT_PROBE(block_getrq)
{
    struct bio *bio = (struct bio *)ctx->args[0];
    struct place_t place = {.disk = bio->bi_bdev->bd_disk, .sector = bio->bi_iter.bi_sector};
    struct who_t who = {};
    set_current(&who);
    askers.update(&place, &who);
    return 0;
}

RAW_TRACEPOINT_PROBE(block_rq_issue)
{
    struct request *request = (struct request *)ctx->args[0];
    struct place_t place = {.disk = request->q->disk, .sector = request->__sector};
    struct start_t start = {.time_ns = bpf_ktime_get_ns()};
    struct who_t *who = askers.lookup(&place);
    if (who) {
        start.who = *who;
        askers.delete(&place);
    } else {
        set_current(&start.who);
    }
    if (!start.who.is_wanted)
        return 0;
    starts.update(&request, &start);
    return 0;
}

RAW_TRACEPOINT_PROBE(block_rq_complete)
{
    struct request *request = (struct request *)ctx->args[0];
    struct start_t *start = starts.lookup(&request);
    // It may become complete in parts; the last one ends it.
    if (!start || (u32)ctx->args[2] < request->__data_len)
        return 0;
    struct event_t event = {
        .time_ns = bpf_ktime_get_ns(),
        .sector = request->__sector,
        .bytes = request->__data_len,
        .operation = request->cmd_flags & 0xff, // REQ_OP_MASK
        .error = (u8)ctx->args[1], // blk_status_t
        .pid = start->who.pid,
    };
    event.latency_ns = event.time_ns - start->time_ns;
    if (request->start_time_ns)
        event.queued_ns = start->time_ns - request->start_time_ns;
    __builtin_memcpy(event.comm, start->who.comm, sizeof(event.comm));
    bpf_probe_read_kernel_str(event.disk, sizeof(event.disk), request->q->disk->disk_name);
    starts.delete(&request);
    events.perf_submit(ctx, &event, sizeof(event));
    return 0;
}
]]

local operations = { [0] = "read", "write", "flush", "discard" }

local b <close> = tool.load(options, program)

local columns = {
  { "TIME(s)", "%-11.6f", "time_ns", 1e-9 },
  { "COMM", "%-16s", "comm" },
  { "PID", "%-7d", "pid" },
  { "DISK", "%-8s", "disk" },
  { "OP", "%-7s", "operation" },
  { "SECTOR", "%-10d", "sector" },
  { "BYTES", "%-7d", "bytes" },
  { "LAT(ms)", "%8.3f", "latency_ns", 1e-6 },
  options.pattern and { "P", "%s", "pattern" } or "pattern", "error",
}
if options.queue or options.json then
  table.insert(columns, #columns - 2, { "QUE(ms)", "%8.3f", "queued_ns", 1e-6 })
end

local ends = {} -- where the last request of each disk ended

local function record_of(event)
  if options.disk and event.disk ~= options.disk then return end
  local record = event:totable()
  record.operation = operations[event.operation] or tostring(event.operation)
  if options.pattern then
    local place = event.disk .. record.operation
    if ends[place] then record.pattern = ends[place] == event.sector and "S" or "R" end
    ends[place] = event.sector + event.bytes // 512
  end
  return record
end

tool.show(b.events, options, columns, record_of)
tool.poll(b, options)
