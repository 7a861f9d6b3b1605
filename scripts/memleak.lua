-- memleak: show memory that was allocated and not freed, by the stack that asked for it
--
-- Of a process, the functions of its allocator are watched; without a process, the kernel's own
-- allocations. What was allocated before the tool started is not seen, and neither is its end.

local bpf = require("bpf")
local stack_report = require("bpf.stack_report")
local tool = require("bpf.tool")

local parser = tool.parser("memleak",
  "Show memory that was allocated and not freed, by the stack that asked for it.",
  "process interval")
parser:option("-i --interval", "The same as the argument interval."):target("every")
  :convert(tool.number)
parser:flag("-t --trace", "Show each allocation and each release when it happens.")
parser:flag("-a --show-allocs", "Show the address of each allocation.")
parser:option("-s --sample-rate", "Watch only each so-many-th allocation of a CPU.")
  :convert(tool.range(1, 1 << 30))
parser:flag("--percpu", "The kernel's allocations of per-CPU memory.")
parser:option("-o --older", "Leave out what is younger than so many milliseconds.")
  :convert(tool.whole):default("500")
parser:flag("--combined-only", "Keep sums only: less memory and work, but no ages.")
parser:option("-T --top", "Show only so many stacks, those that hold most.")
  :convert(tool.whole):default("10")
parser:option("-z --min-size", "Leave out smaller allocations, in bytes."):convert(tool.whole)
parser:option("-Z --max-size", "Leave out larger allocations."):convert(tool.whole)
parser:option("-O --obj", "The allocator: a library or program."):default("c")
stack_report.options(parser, "as")
local options = parser:parse()
options.interval = options.interval or options.every
if options.combined_only then
  options.older = 0
  if options.show_allocs then parser:error("--combined-only keeps no addresses to show") end
end
if options.percpu and options.pid then
  parser:error("--percpu is about memory of the kernel, which belongs to no process")
end

local common = [[
struct allocation {
    u64 size, time_ns;
    struct stack stack;
};

struct held {
    u64 bytes, count;
};

BPF_F_TABLE("hash", u64, struct allocation, allocations, 1000000, ALLOCATION_FLAGS);
BPF_HASH(held, struct stack, struct held, STACKS);
BPF_ARRAY(others, u64, 1);
BPF_PERCPU_ARRAY(turns, u64, 1);

struct event {
    u64 time_ns, address;
    u64 size; // 0: it was released
    u32 tid;
    char comm[TASK_COMM_LEN];
};
BPF_PERF_OUTPUT(events);

static inline void tell(void *ctx, u64 address, u64 size)
{
#ifdef TRACE
    struct event event = {.time_ns = bpf_ktime_get_ns(), .address = address, .size = size,
                          .tid = bpf_get_current_pid_tgid()};
    bpf_get_current_comm(event.comm, sizeof(event.comm));
    events.perf_submit(ctx, &event, sizeof(event));
#endif
}

static inline void hold(const struct stack *stack, s64 bytes, s64 count)
{
    struct held zero = {}, *sum = held.lookup_or_try_init((struct stack *)stack, &zero);
    if (!sum)
        return;
    lock_xadd(&sum->bytes, bytes);
    lock_xadd(&sum->count, count);
}

static inline int freed(void *ctx, u64 address)
{
    struct allocation *old = allocations.lookup(&address);
    if (!old)
        return 0;
#ifdef COMBINED
    hold(&old->stack, -(s64)old->size, -1);
#endif
    tell(ctx, address, 0);
    allocations.delete(&address);
    return 0;
}

static inline int allocated(void *ctx, u64 address, u64 size)
{
    struct allocation new = {.size = size};
    if (!address || size < MIN_SIZE || size > MAX_SIZE || !wanted())
        return 0;
#ifdef SAMPLE
    u32 first = 0;
    u64 *turn = turns.lookup(&first);
    if (!turn || ++*turn % SAMPLE)
        return 0;
#endif
    freed(ctx, address); // it was, if it is given out again
    tell(ctx, address, size);
    new.time_ns = bpf_ktime_get_boot_ns();
    stack_take(ctx, &new.stack);
#ifdef KERNEL_ONLY
    new.stack.pid = 0; // the kernel's memory belongs to no process
    __builtin_memset(new.stack.comm, 0, sizeof(new.stack.comm));
#endif
    if (allocations.update(&address, &new)) {
        others.atomic_increment(0);
        return 0;
    }
#ifdef COMBINED
    hold(&new.stack, size, 1);
#endif
    return 0;
}

]]

-- An allocation has its size when it begins and its address when it ends. Allocators call
-- themselves (calloc, malloc): the outermost call of a thread counts.
local by_user_probes = [[
struct request {
    u64 size, depth;
    u64 where; // posix_memalign stores the address there
};

BPF_F_TABLE("hash", u32, struct request, requests, 65536, BPF_F_NO_PREALLOC);

static inline int begin(u64 size, u64 where)
{
    u32 thread = bpf_get_current_pid_tgid();
    struct request new = {.size = size, .depth = 1, .where = where};
    struct request *outer = requests.lookup(&thread);
    if (outer)
        outer->depth++;
    else
        requests.update(&thread, &new);
    return 0;
}

int on_malloc(struct pt_regs *ctx, size_t size) { return begin(size, 0); }
int on_calloc(struct pt_regs *ctx, size_t count, size_t size) { return begin(count * size, 0); }
int on_aligned(struct pt_regs *ctx, size_t alignment, size_t size) { return begin(size, 0); }
int on_posix_memalign(struct pt_regs *ctx, void **where, size_t alignment, size_t size)
{
    return begin(size, (u64)where);
}

int on_realloc(struct pt_regs *ctx, void *old, size_t size)
{
    freed(ctx, (u64)old);
    return begin(size, 0);
}

int on_allocated(struct pt_regs *ctx)
{
    u32 thread = bpf_get_current_pid_tgid();
    struct request *request = requests.lookup(&thread);
    u64 address = PT_REGS_RC(ctx), size;
    if (!request || --request->depth > 0)
        return 0;
    if (request->where && bpf_probe_read_user(&address, sizeof(address), (void *)request->where))
        address = 0;
    size = request->size;
    requests.delete(&thread);
    return allocated(ctx, address, size);
}

int on_free(struct pt_regs *ctx, void *address)
{
    u32 thread = bpf_get_current_pid_tgid();
    return requests.lookup(&thread) ? 0 : freed(ctx, (u64)address);
}
]]

local by_tracepoints = [[
TRACEPOINT_PROBE(kmem, kmalloc) { return allocated(args, (u64)args->ptr, args->bytes_alloc); }
TRACEPOINT_PROBE(kmem, kfree) { return freed(args, (u64)args->ptr); }
TRACEPOINT_PROBE(kmem, kmem_cache_alloc)
{
    return allocated(args, (u64)args->ptr, args->bytes_alloc);
}
TRACEPOINT_PROBE(kmem, kmem_cache_free) { return freed(args, (u64)args->ptr); }
// Pages have numbers; these and addresses are never equal.
TRACEPOINT_PROBE(kmem, mm_page_alloc)
{
    return args->pfn == ~0UL ? 0 : allocated(args, args->pfn, 4096ULL << args->order);
}
TRACEPOINT_PROBE(kmem, mm_page_free) { return freed(args, args->pfn); }
]]

local by_percpu_tracepoints = [[
TRACEPOINT_PROBE(percpu, percpu_alloc_percpu)
{
    return allocated(args, (u64)args->ptr, args->size);
}
TRACEPOINT_PROBE(percpu, percpu_free_percpu) { return freed(args, (u64)args->ptr); }
]]

-- Node variants exist in kernels before 6.1 only.
local node_variants = [[
TRACEPOINT_PROBE(kmem, @) { return allocated(args, (u64)args->ptr, args->bytes_alloc); }
]]

local of_kernel = not options.pid
local macros = stack_report.macros(options)
macros.COMBINED, macros.TRACE = options.combined_only, options.trace
macros.SAMPLE = options.sample_rate and options.sample_rate > 1 and options.sample_rate
macros.MIN_SIZE = options.min_size or 0
macros.MAX_SIZE = options.max_size or "(~0ULL)"
if of_kernel then
  -- The kernel's allocator can't serve the table while it is being watched: all room at once.
  macros.KERNEL_ONLY, macros.USER_ONLY, macros.ALLOCATION_FLAGS = true, nil, "0"
else
  macros.USER_ONLY, macros.KERNEL_ONLY = true, nil
  macros.ALLOCATION_FLAGS = "BPF_F_NO_PREALLOC"
end

local text = common .. (options.percpu and by_percpu_tracepoints
  or of_kernel and by_tracepoints or by_user_probes)
local variants = of_kernel and not options.percpu and { "kmalloc_node", "kmem_cache_alloc_node" }
for _, name in ipairs(variants or {}) do
  if bpf.BPF.tracepoint_exists("kmem", name) then text = text .. node_variants:gsub("@", name) end
end

local b <close> = tool.load(options, text, macros, { prefix = stack_report.program })

-- What the allocator lacks is passed over, as long as it has malloc.
local function attach(symbol, entry, is_needed)
  local place = { name = options.obj, sym = symbol, pid = options.pid }
  place.fn_name = "on_allocated"
  local good, problem = pcall(function()
    if entry ~= "on_free" then b:attach_uretprobe(place) end
    place.fn_name = entry
    b:attach_uprobe(place)
  end)
  if not good and is_needed then
    io.stderr:write(problem.message, problem.hint and "\n" .. problem.hint or "", "\n")
    os.exit(1, true)
  end
end

if not of_kernel then
  attach("free", "on_free", true)
  attach("malloc", "on_malloc", true)
  attach("calloc", "on_calloc")
  attach("realloc", "on_realloc")
  attach("posix_memalign", "on_posix_memalign")
  attach("aligned_alloc", "on_aligned")
  attach("memalign", "on_aligned")
  attach("valloc", "on_malloc")
  attach("pvalloc", "on_malloc")
end

-- By the clock of bpf_ktime_get_boot_ns().
local function now_ns()
  local file <close> = assert(io.open("/proc/uptime"))
  return math.tointeger(file:read("n") * 100 // 1) * 10000000
end

local function items_by_stack()
  local items, by_key = {}, {}
  if options.combined_only then
    for stack, sum in b.held:items() do
      if sum.count > 0 then items[#items + 1] = { stack, { sum.bytes, sum.count } } end
    end
    return items
  end
  local newest_ns = options.older > 0 and now_ns() - options.older * 1000000 or math.maxinteger
  for address, allocation in b.allocations:items() do
    if allocation.time_ns <= newest_ns then
      local stack = allocation.stack
      local key = stack:bytes()
      local sum = by_key[key]
      if not sum then
        sum = { 0, 0, {} }
        by_key[key] = sum
        items[#items + 1] = { stack, sum }
      end
      sum[1], sum[2] = sum[1] + allocation.size, sum[2] + 1
      if options.show_allocs then
        table.insert(sum[3], { address = address, size = allocation.size })
      end
    end
  end
  return items
end

if not options.json and not options.folded then
  tool.write(of_kernel and "Watching allocations of the kernel." or
    ("Watching allocations of process %d."):format(options.pid), " Ctrl-C ends.\n")
end

if options.trace then
  tool.show(b.events, options, {
    "time_ns", { "TID", "%-7d", "tid" }, { "COMM", "%-16s", "comm" },
    { "SIZE", "%10s", "size", function(size)
      return size == 0 and "released" or tostring(bpf.u64(size))
    end },
    { "ADDRESS", "%s", "address", function(address) return ("0x%x"):format(address) end },
  })
end

tool.report(options, function()
  local records = stack_report.read(b, items_by_stack(), options, function(stack, sum)
    local allocs = options.show_allocs and sum[3] or nil
    return { stack = stack, count = sum[1], allocations = sum[2], allocs = allocs }
  end)
  if #records > options.top then
    records = table.move(records, #records - options.top + 1, #records, 1, {})
  end
  for _, record in ipairs(records) do
    if of_kernel then record.comm, record.pid = nil, nil end
    local lines = { ("%d bytes in %d allocations"):format(record.count, record.allocations) }
    for i, one in ipairs(record.allocs or {}) do
      lines[i + 1] = ("        at 0x%x: %s bytes"):format(one.address, bpf.u64(one.size))
    end
    record.text = table.concat(lines, "\n")
  end
  stack_report.show(records, options, { unit = "bytes", title = "Memory held", colors = "mem" })
  if b.others[0] > 0 then
    io.stderr:write(("%d allocations found no room and are missing.\n"):format(b.others[0]))
  end
end, options.trace and b)
