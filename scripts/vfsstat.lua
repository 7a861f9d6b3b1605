-- vfsstat: count what is asked of all file systems: reads, writes, fsyncs, opens, creates
--
-- The kernel's functions of these names are counted, so vectored and asynchronous input and output,
-- which goes around vfs_read() and vfs_write(), is not.

local tool = require("bpf.tool")

local parser = tool.parser("vfsstat", "Count reads, writes, fsyncs, opens and creates of files.",
  "process every")
parser:flag("-T --time", "Show the time of day.")
local options = parser:parse()

local kinds = { "read", "write", "fsync", "open", "create" }
local functions = { fsync = "vfs_fsync_range" }

local program = { "BPF_ARRAY(counts, u64, 5);\n" }
for i, kind in ipairs(kinds) do
  program[i + 1] = ([[
    int on_%s(struct pt_regs *ctx)
    {
        if (wanted())
            counts.atomic_increment(%d);
        return 0;
    }
  ]]):format(kind, i - 1)
end

local b <close> = tool.load(options, table.concat(program))
for _, kind in ipairs(kinds) do
  b:attach_kprobe{ event = functions[kind] or "vfs_" .. kind, fn_name = "on_" .. kind }
end

local columns = {}
for i, kind in ipairs(kinds) do columns[i] = { kind:upper(), "%9d", kind } end
local show, before = tool.printer(options, columns), {}
tool.report(options, function()
  local record = {}
  for i, kind in ipairs(kinds) do
    local count = b.counts[i - 1]
    record[kind], before[i] = count - (before[i] or 0), count
  end
  show(record)
end)
