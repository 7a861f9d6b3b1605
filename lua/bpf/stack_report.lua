-- Stacks that a program counted, shown to people, as JSON or folded text, and as a flame graph.
--
--   local stack_report = require("bpf.stack_report")
--   stack_report.options(parser)
--   local b <close> = bpf.BPF{ text = stack_report.program .. program,
--     cflags = tool.define(stack_report.macros(options)) }
--   stack_report.show(stack_report.read(b, items, options), options, { unit = "samples" })
--
-- All addresses of a process become names in one call. That takes a process that still runs: the
-- frames of one that has ended are "[unknown]".

local bpf = require "bpf"
local flamegraph = require "bpf.flamegraph"
local folded = require "bpf.folded"
local tool = require "bpf.tool"
local utf8_text = require "bpf.utf8_text"

local stack_report = {}

--- C text in front of a program: struct stack, and stack_take(ctx, &stack), which fills it.
stack_report.program = [[
struct stack {
    u32 pid;
    int user, kernel; // ids of stacks, negative when there is none
    char comm[TASK_COMM_LEN];
};

BPF_STACK_TRACE(stacks, STACKS);

static inline void stack_take(void *ctx, struct stack *stack)
{
    stack->pid = bpf_get_current_pid_tgid() >> 32;
    stack->user = stack->kernel = -1;
#ifndef KERNEL_ONLY
    stack->user = stacks.get_stackid(ctx, BPF_F_USER_STACK);
#endif
#ifndef USER_ONLY
    stack->kernel = stacks.get_stackid(ctx, 0);
#endif
    bpf_get_current_comm(stack->comm, sizeof(stack->comm));
}
]]

--- Adds the options for stacks to a parser. Those letters of `taken` that are short options here
--- mean something else in the tool.
---@param parser table
---@param taken? string
function stack_report.options(parser, taken)
  local function flag(names, text)
    local short = names:match("^%-(%a) ")
    if short and (taken or ""):find(short, 1, true) then names = names:sub(4) end
    parser:flag(names, text)
  end
  parser:mutex(
    parser:flag("-U --user-stacks-only", "Leave out what the kernel does."),
    parser:flag("-K --kernel-stacks-only", "Leave out what the program itself does."))
  flag("-f --folded", "One line for each stack, as flame graph programs read them.")
  flag("--delimited", "Put a frame \"-\" between the program and the kernel.")
  flag("-a --annotations", "Mark functions of the kernel with _[k].")
  flag("-s --offsets --offset", "Show how far into each function.")
  parser:option("--flamegraph", "Write a flame graph (SVG) to this file, too."):argname("FILE")
    :convert(tool.output)
  parser:option("--stack-storage-size", "Keep so many different stacks.")
    :convert(tool.range(1, 1 << 24)):default("16384")
end

--- The macros that stack_report.program wants.
---@return table<string, any>
function stack_report.macros(options)
  return {
    STACKS = options.stack_storage_size,
    USER_ONLY = options.user_stacks_only,
    KERNEL_ONLY = options.kernel_stacks_only,
  }
end

-- What the kernel says instead of a stack when the table has no room (EEXIST, ENOMEM).
local no_room <const> = { [-17] = true, [-12] = true }

-- The addresses of the stacks in each process, each once; a call comes back behind the call, so
-- that the address before it tells the line that calls. `field` is "user" or "kernel".
local function collect(b, records, field, exact)
  local stacks, wanted = {}, {}
  for _, record in ipairs(records) do
    local id, pid = record[field], field == "kernel" and -1 or record.pid
    if id >= 0 and not stacks[id] then stacks[id] = b.stacks:get_stack(id) or {} end
    local of_process = wanted[pid] or { addresses = {}, seen = {} }
    wanted[pid] = of_process
    for i, address in ipairs(stacks[id] or {}) do
      if i > 1 and not exact then address = address - 1 end
      if not of_process.seen[address] then
        of_process.seen[address] = true
        table.insert(of_process.addresses, address)
      end
    end
  end
  return stacks, wanted
end

local function resolve(b, records, field, options)
  local exact = options.offsets or options.addresses
  local stacks, wanted = collect(b, records, field, exact)
  for pid, of_process in pairs(wanted) do
    local names = bpf.BPF.symbolize(of_process.addresses, pid, { show_offset = options.offsets })
    of_process.names = {}
    for i, address in ipairs(of_process.addresses) do of_process.names[address] = names[i] end
  end
  for _, record in ipairs(records) do
    local id, frames = record[field], {}
    local names = wanted[field == "kernel" and -1 or record.pid].names
    for i, address in ipairs(stacks[id] or {}) do
      frames[i] = (options.addresses and ("%016x "):format(address) or "")
        .. names[i > 1 and not exact and address - 1 or address]
    end
    if no_room[id] then frames[1] = "[no room for stack]" end
    record[field], record.lost = frames, record.lost or no_room[id]
  end
end

-- Stacks that differ only in addresses inside of functions become one.
local function merge(records)
  local merged, by_identity = {}, {}
  for _, record in ipairs(records) do
    local identity = table.concat({
      record.pid, record.comm, record.place or "", table.concat(record.user, "\n"),
      table.concat(record.kernel, "\n"),
    }, "\0")
    local first = by_identity[identity]
    if first then
      first.count = first.count + record.count
      first.allocations = first.allocations and first.allocations + record.allocations
      table.move(record.allocs or {}, 1, #(record.allocs or {}), #(first.allocs or {}) + 1,
        first.allocs)
    else
      by_identity[identity] = record
      merged[#merged + 1] = record
    end
  end
  return merged
end

--- Records with names out of items of a table whose key is a struct stack, or has one as `stack`:
--- { pid, comm, user = { names, innermost first }, kernel, count, … }, ascending by count. fill, if
--- it is given, makes a record of key and leaf, with the struct stack as `stack`; it may have
--- `place`, which is shown, too, `allocations`, which are added up as count is, and `allocs`, lists
--- that become one.
---@param b bpf.BPF
---@param items table
---@param options table
---@param fill? fun(key: bpf.Value, leaf: bpf.any): table
---@return table[]
function stack_report.read(b, items, options, fill)
  local records = {}
  for i, item in ipairs(items) do
    local key, leaf = item[1], item[2]
    local record = fill and fill(key, leaf) or { stack = key, count = leaf }
    local stack = record.stack
    record.stack, record.pid, record.comm = nil, stack.pid, stack.comm
    record.user, record.kernel = stack.user, stack.kernel
    records[i] = record
  end
  resolve(b, records, "user", options)
  resolve(b, records, "kernel", options)
  records = merge(records)
  table.sort(records, function(x, y) return x.count < y.count end)
  return records
end

-- Outermost first, the program before the kernel that it calls.
local function frames_of(record, options)
  local frames = {}
  if record.comm then frames[1] = record.comm end
  for i = #record.user, 1, -1 do frames[#frames + 1] = record.user[i] end
  if options.delimited and #record.user > 0 and #record.kernel > 0 then
    frames[#frames + 1] = "-"
  end
  for i = #record.kernel, 1, -1 do
    frames[#frames + 1] = record.kernel[i] .. (options.annotations and "_[k]" or "")
  end
  return frames
end

local function write_text(record, options)
  for _, name in ipairs(record.kernel) do
    tool.write("    ", name, options.annotations and "_[k]" or "", "\n")
  end
  if #record.kernel > 0 and #record.user > 0 then tool.write("    --\n") end
  for _, name in ipairs(record.user) do tool.write("    ", name, "\n") end
  if record.place then tool.write("    ", record.place, "\n") end
  if record.comm then
    tool.write(("    -                %s (%d)\n"):format(record.comm, record.pid))
  end
  tool.write(("        %s\n\n"):format(record.text or bpf.u64(record.count)))
end

local json_keys <const> = { "comm", "pid", "place", "allocations", "allocs" }

local function write_json(record, unit)
  local copy = { [unit] = record.count }
  for _, key in ipairs(json_keys) do copy[key] = record[key] end
  for _, field in ipairs{ "user", "kernel" } do
    copy[field] = setmetatable({}, { __jsontype = "array" })
    for i, name in ipairs(record[field]) do copy[field][i] = utf8_text(name) end
  end
  tool.write_json(copy, { "comm", "pid", "place", unit, "allocations", "allocs", "kernel", "user" })
end

--- Prints records as the options say, and writes the flame graph. `unit` names what is counted.
---@param records table[]
---@param options table
---@param settings { unit: string, title: string, colors: string? }
function stack_report.show(records, options, settings)
  local graph, lost = {}, 0
  for i, record in ipairs(records) do
    graph[i] = { frames = frames_of(record, options), count = record.count }
    if record.lost then lost = lost + 1 end
  end
  if options.json then
    for _, record in ipairs(records) do write_json(record, settings.unit) end
  elseif options.folded then
    tool.write(folded.fold(graph))
  else
    for _, record in ipairs(records) do write_text(record, options) end
  end
  if options.flamegraph then
    flamegraph.write(options.flamegraph, graph, settings)
  end
  if lost > 0 then
    io.stderr:write(("%d stacks found no room; give a larger --stack-storage-size than %d.\n")
      :format(lost, options.stack_storage_size))
  end
end

return stack_report
