-- sslsniff: show what programs send and receive through TLS, before and after encryption
--
-- Probes on the functions that programs give their text to, in OpenSSL, GnuTLS and NSS. The text is
-- there when the function returns: then it is also known how much of it counts.

local tool = require("bpf.tool")

local parser = tool.parser("sslsniff",
  "Show what programs send and receive through TLS, before and after encryption.",
  "process_long_command time")
parser:option("-u --uid", "Only this user, by number or name."):convert(tool.user)
parser:flag("-x --extra", "Show user and thread, too.")
parser:option("-c --comm", "The same as --name."):target("name"):argname("<text>")
parser:flag("-o --no-openssl", "Leave out OpenSSL.")
parser:flag("-g --no-gnutls", "Leave out GnuTLS.")
parser:flag("--no-nss", "Leave out NSS.")
parser:flag("--hexdump", "Show all bytes as hexadecimal numbers.")
parser:flag("-l --latency", "Show how long each call took, in milliseconds.")
parser:flag("--handshake", "Show how long each handshake took, too.")
parser:option("--max-buffer-size", "Show so much of each call's data, at most 30000 bytes.")
  :convert(tool.range(1, 30000)):default("8192")
parser:option("--extra-lib", "Another library: KIND:PATH; KIND is openssl, gnutls or nss.")
  :count("*")
local options = parser:parse()

local program = [[
struct event {
    u64 time_ns, latency_ns;
    u32 pid, tid, uid;
    s32 size;  // bytes that were sent or received
    u32 taken; // of them are in data
    u8 kind;   // 0 read, 1 write, 2 handshake
    char comm[TASK_COMM_LEN];
    char data[];
};

struct space {
    char bytes[sizeof(struct event) + SIZE];
};

struct call {
    u64 start_ns, data, size_at;
    u8 is_write;
};

BPF_F_TABLE("hash", u32, struct call, calls, 65536, BPF_F_NO_PREALLOC);
BPF_PERCPU_ARRAY(space, struct space, 1);
BPF_PERF_OUTPUT(events);

static inline int begin(u64 data, u64 size_at, bool is_write)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 thread = id;
    struct call call = {.start_ns = bpf_ktime_get_ns(), .data = data, .size_at = size_at,
                        .is_write = is_write};
    if (!wanted())
        return 0;
    calls.update(&thread, &call);
    return 0;
}

int on_write(struct pt_regs *ctx, void *connection, void *data)
{
    return begin((u64)data, 0, true);
}

int on_read(struct pt_regs *ctx, void *connection, void *data)
{
    return begin((u64)data, 0, false);
}

// These tell success, and store the size.
int on_write_ex(struct pt_regs *ctx, void *connection, void *data, size_t size, size_t *done)
{
    return begin((u64)data, (u64)done, true);
}

int on_read_ex(struct pt_regs *ctx, void *connection, void *data, size_t size, size_t *done)
{
    return begin((u64)data, (u64)done, false);
}

int on_return(struct pt_regs *ctx)
{
    u64 id = bpf_get_current_pid_tgid(), done = 0;
    u32 thread = id, zero = 0, taken;
    struct call *call = calls.lookup(&thread);
    struct event *event = (struct event *)space.lookup(&zero);
    int size = PT_REGS_RC(ctx);
    if (!call || !event)
        return 0;
    if (call->size_at && size == 1)
        size = bpf_probe_read_user(&done, sizeof(done), (void *)call->size_at) ? 0 : done;
    if (size <= 0) {
        calls.delete(&thread);
        return 0;
    }
    event->time_ns = bpf_ktime_get_ns();
    event->latency_ns = event->time_ns - call->start_ns;
    event->pid = id >> 32;
    event->tid = thread;
    event->uid = bpf_get_current_uid_gid();
    event->size = size;
    event->kind = call->is_write;
    bpf_get_current_comm(event->comm, sizeof(event->comm));
    taken = size > SIZE ? SIZE : size;
    if (bpf_probe_read_user(event->data, taken, (void *)call->data))
        taken = 0;
    event->taken = taken;
    events.perf_submit(ctx, event, sizeof(*event) + taken);
    calls.delete(&thread);
    return 0;
}

// A handshake may take several calls, which end when there is nothing to read.
struct connection {
    u64 address;
    u32 pid, zero;
};
BPF_TABLE("lru_hash", u32, struct connection, shaking, 8192); // by thread
BPF_TABLE("lru_hash", struct connection, u64, begun_ns, 8192);

int on_handshake(struct pt_regs *ctx, void *address)
{
    u64 id = bpf_get_current_pid_tgid(), now = bpf_ktime_get_ns();
    u32 thread = id;
    struct connection connection = {.address = (u64)address, .pid = id >> 32};
    if (!wanted())
        return 0;
    shaking.update(&thread, &connection);
    begun_ns.insert(&connection, &now);
    return 0;
}

static inline int end_handshake(void *ctx, bool is_done)
{
    u64 id = bpf_get_current_pid_tgid(), *start;
    u32 thread = id;
    struct connection *connection = shaking.lookup(&thread);
    struct event event = {.pid = id >> 32, .tid = thread, .kind = 2};
    if (!connection || !is_done || !(start = begun_ns.lookup(connection)))
        return 0;
    event.time_ns = bpf_ktime_get_ns();
    event.latency_ns = event.time_ns - *start;
    event.uid = bpf_get_current_uid_gid();
    bpf_get_current_comm(event.comm, sizeof(event.comm));
    begun_ns.delete(connection);
    events.perf_submit(ctx, &event, sizeof(event));
    return 0;
}

int on_handshake_return(struct pt_regs *ctx)
{
    return end_handshake(ctx, (int)PT_REGS_RC(ctx) == 1);
}

int on_gnutls_handshake_return(struct pt_regs *ctx)
{
    return end_handshake(ctx, (int)PT_REGS_RC(ctx) == 0);
}
]]

local functions = {
  openssl = {
    SSL_write = "on_write", SSL_read = "on_read",
    SSL_write_ex = "on_write_ex", SSL_read_ex = "on_read_ex",
  },
  gnutls = { gnutls_record_send = "on_write", gnutls_record_recv = "on_read" },
  nss = {
    PR_Write = "on_write", PR_Send = "on_write", PR_Read = "on_read", PR_Recv = "on_read",
  },
}

local returns = setmetatable({
  SSL_do_handshake = "on_handshake_return", gnutls_handshake = "on_gnutls_handshake_return",
}, { __index = function() return "on_return" end })
if options.handshake then
  functions.openssl.SSL_do_handshake = "on_handshake"
  functions.gnutls.gnutls_handshake = "on_handshake"
end

local b <close> = tool.load(options, program, { SIZE = options.max_buffer_size })

-- Returns whether at least one function of the library could be attached, else also why.
local function attach(kind, library)
  local attached, problem = false, nil
  for symbol, entry in pairs(functions[kind]) do
    local place = { name = library, sym = symbol, pid = options.pid, fn_name = returns[symbol] }
    local good, why = pcall(function()
      b:attach_uretprobe(place)
      place.fn_name = entry
      b:attach_uprobe(place)
    end)
    attached, problem = attached or good, problem or (not good and why) or nil
  end
  return attached, problem
end

local found, problem = {}, nil
for _, library in ipairs{
  { "openssl", "ssl", options.no_openssl }, { "gnutls", "gnutls", options.no_gnutls },
  { "nss", "nspr4", options.no_nss },
} do
  local kind, name, is_left_out = table.unpack(library)
  if not is_left_out then
    local attached, why = attach(kind, name)
    if attached then found[#found + 1] = kind end
    problem = problem or why
  end
end
for _, library in ipairs(options.extra_lib) do
  local kind, path = library:match("^(%w+):(.+)$")
  if not functions[kind] then
    parser:error(library .. ": write openssl:PATH, gnutls:PATH or nss:PATH")
  end
  local attached, why = attach(kind, path)
  if not attached then
    io.stderr:write(why.message, why.hint and "\n" .. why.hint or "", "\n")
    os.exit(1, true)
  end
  found[#found + 1] = path
end
if #found == 0 then
  io.stderr:write("No library for TLS was found", problem and ": " .. problem.message or ".", "\n",
    "Name one by --extra-lib KIND:PATH\n")
  os.exit(1, true)
end

local function hexadecimal(data)
  return (data:gsub("..?.?.?.?.?.?.?.?.?.?.?.?.?.?.?", function(row)
    return row:gsub(".", function(byte) return ("%02x "):format(byte:byte()) end):sub(1, -2) .. "\n"
  end))
end

-- Text as it is; what a terminal would obey, and bytes that are no text, as \xNN.
local function readable(data)
  local unreadable = utf8.len(data) and "[^\t\n\32-\126\128-\255]" or "[^\t\n\32-\126]"
  return (data:gsub("\r\n", "\n"):gsub(unreadable, function(byte)
    return ("\\x%02x"):format(byte:byte())
  end))
end

local columns = {
  "time_ns",
  { "FUNC", "%-10s", "func" },
  { "COMM", "%-16s", "comm" },
  { "PID", "%-7d", "pid" },
  { "LEN", "%-7d", "size" },
  "taken", "data",
}
if options.extra or options.json then
  table.insert(columns, 5, { "TID", "%-7d", "tid" })
  table.insert(columns, 5, { "UID", "%-7d", "uid" })
end
if options.latency or options.handshake or options.json then
  columns[#columns + 1] = { "LAT(ms)", "%8.3f", "latency_ns", 1e-6 }
end

local kinds = { [0] = "READ/RECV", "WRITE/SEND", "HANDSHAKE" }
local show = tool.printer(options, columns)

b.events:open_perf_buffer(function(_, event)
  local record = {}
  for _, key in ipairs{ "time_ns", "latency_ns", "pid", "tid", "uid", "size", "taken", "comm" } do
    record[key] = event[key]
  end
  record.func = kinds[event.kind]
  record.data = event:bytes("data"):sub(1, event.taken)
  show(record)
  if options.json or event.kind == 2 then return end
  local data = options.hexdump and hexadecimal(record.data) or readable(record.data)
  tool.write("----- DATA -----\n", data, data:sub(-1) == "\n" and "" or "\n")
  if record.taken < record.size then
    tool.write(("... (%d bytes more)\n"):format(record.size - record.taken))
  end
  tool.write("----- END DATA -----\n\n")
end, { page_cnt = 256 })
tool.poll(b, options)
