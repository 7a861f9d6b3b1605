-- What the tools in scripts/ share: options, lines as columns or JSON, durations, addresses.
--
--   local tool = require("bpf.tool")
--   local options = tool.parser("opens", "Show each file that is opened.", "process time"):parse()
--   local b <close> = tool.load(options, program, { FAILED = options.failed })
--   tool.show(b.events, options, { { "PID", "%-7d", "pid" }, { "COMM", "%-16s", "comm" } })
--   tool.poll(b, options)
--
-- Every tool has --duration and --json. Its lines are shown to people, or given to programs as one
-- object for each line, with the same content: integers there are exact, times are nanoseconds.

local bpf = require "bpf"
local tool_filter = require "bpf.tool_filter"
local tool_options = require "bpf.tool_options"

local tool = {}
for name, value in pairs(tool_options) do tool[name] = value end

--- Arguments for clang that define macros: true as 1, numbers and texts as they are. What is false
--- or nil stays undefined.
---@param values table<string, any>
---@return string[]
function tool.define(values)
  local cflags = {}
  for name, value in pairs(values) do
    if value then
      cflags[#cflags + 1] = ("-D%s=%s"):format(name, value == true and 1 or value)
    end
  end
  table.sort(cflags) -- the same program is found in the cache
  return cflags
end

-- A directive that makes the compiler speak of the script's lines, where the program stands in it.
local function line_directive(program, script)
  local file = io.open(script)
  local text = file and file:read("a") or ""
  if file then file:close() end
  local at = text:find(program, 1, true)
  if not at then return "" end
  local _, line = text:sub(1, at):gsub("\n", "")
  return ("#line %d \"%s\"\n"):format(line + 1, script)
end

--- Ends the tool with what went wrong: an error object, or a text.
---@param problem table|string
function tool.fail(problem)
  local name = (arg[0] or "luabpf"):match("([^/]+)%.lua$") or arg[0]
  if type(problem) == "table" then
    problem = problem.message .. (problem.hint and "\n" .. problem.hint or "")
  end
  io.stderr:write(name, ": ", problem, "\n")
  os.exit(1, true)
end

--- Compiles and loads a program that asks wanted() whether a process is one of those that the user
--- wants to see: -p, -n, --cgroup and the like. With `task` it has wanted_task(task) instead.
---@param options table what the parser gave
---@param program string
---@param macros? table<string, any> see tool.define
---@param more? { usdt_contexts: table?, task: boolean?, prefix: string? }
---@return bpf.BPF
function tool.load(options, program, macros, more)
  more = more or {}
  io.stdout:setvbuf("no") -- each line is seen when it is written
  local good, text = pcall(more.task and tool_filter.of_task or tool_filter.of_current, options)
  if not good then tool.fail(text) end
  text = text .. (more.prefix or "")
    .. line_directive(program, debug.getinfo(2, "S").source:sub(2)) .. program
  if options.debug then io.stderr:write(text) end
  local loaded, b = pcall(bpf.BPF, {
    text = text, cflags = tool.define(macros or {}), usdt_contexts = more.usdt_contexts,
  })
  if loaded then
    tool_filter.set_ids(b, options)
    return b
  end
  if type(b) == "table" then b.position = "" end
  error(b, 0)
end

--- C that tells whether what `name` stands for is in a list, or true when there is none.
---@param name string
---@param list integer[]?
---@return string
function tool.any_of(name, list)
  local tests = {}
  for i, value in ipairs(list or {}) do tests[i] = ("(%s) == %d"):format(name, value) end
  return list and "(" .. table.concat(tests, " || ") .. ")" or "1"
end

--- The same for the address family that -4 or -6 asks for.
---@param options table
---@return string
function tool.family(options)
  return tool.any_of("family", options.ipv4 and { 2 } or options.ipv6 and { 10 } or nil)
end

--- C that tells whether the characters at `name` are a text, up to its end.
---@param name string
---@param text string
---@return string
function tool.same_text(name, text)
  local tests = {}
  for i = 1, #text + 1 do
    tests[i] = ("(u8)(%s)[%d] == %d"):format(name, i - 1, text:byte(i) or 0)
  end
  return "(" .. table.concat(tests, " && ") .. ")"
end

local is_interrupted <const> = 4 -- EINTR
local whole_or_not <const> = 4096 -- bytes that a pipe takes all or none of

--- Writes to standard output. When nobody reads any more, as after `| head`, the tool ends. What a
--- signal kept from being written, because the reader is slow, is written again.
---@param ... string|number
function tool.write(...)
  local text = table.concat({ ... })
  for first = 1, #text, whole_or_not do
    local part = text:sub(first, first + whole_or_not - 1)
    local done, _, code
    repeat
      done, _, code = io.write(part)
    until done or code ~= is_interrupted
    if not done then os.exit() end
  end
end

-- What JSON can hold of a value, and of those in a list.
local function valid(value)
  if type(value) == "string" and not utf8.len(value) then
    return (value:gsub("[\x80-\xff]", function(byte) return utf8.char(byte:byte()) end))
  elseif type(value) == "table" then
    for i, element in ipairs(value) do value[i] = valid(element) end
  end
  return value
end

--- Writes one JSON object as a line. Bytes that are no UTF-8 become the characters of Latin-1.
---@param record table|bpf.Value
---@param keys string[] its members that are written, in this order; those that are nil are left out
function tool.write_json(record, keys)
  local object = {}
  for _, key in ipairs(keys) do
    object[key] = valid(record[key])
  end
  tool.write(require "dkjson".encode(object, { keyorder = keys }), "\n")
end

-- The columns for people; those of the options -T and -t come first. They read the member time_ns,
-- by the clock of bpf_ktime_get_ns().
local function with_times(options, columns)
  local all, first_ns = {}, nil
  if options.time then
    all[1] = { "TIME", "%-8s", "time", function()
      return os.date((options.utc and "!" or "") .. "%H:%M:%S")
    end }
  end
  if options.unix_timestamp then
    local pipe <close> = io.popen("date +%s%N")
    local since_1970 = pipe:read("n") - bpf.monotonic_time()
    all[#all + 1] = { "TIME(s)", "%-17.6f", "seconds", function(_, record)
      return (record.time_ns + since_1970) / 1e9
    end }
  elseif options.timestamp then
    all[#all + 1] = { "TIME(s)", "%-10.6f", "seconds", function(_, record)
      first_ns = first_ns or record.time_ns
      return (record.time_ns - first_ns) / 1e9
    end }
  end
  for _, column in ipairs(columns) do
    if type(column) == "table" then all[#all + 1] = column end
  end
  return all
end

-- "%-7d" for a heading: "%-7s".
local function heading_format(format)
  return (format:gsub("%%(-?)0?(%d*)[.%d]*%a", "%%%1%2s"))
end

-- As RFC 4180 has it: what has a comma, a quotation mark or a line's end in it is quoted.
local function csv_value(value)
  local text = value == nil and "" or tostring(value)
  return text:find('[,"\r\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

local function csv_printer(keys)
  tool.write(table.concat(keys, ","), "\n")
  return function(record)
    local texts = {}
    for i, key in ipairs(keys) do texts[i] = csv_value(record[key]) end
    tool.write(table.concat(texts, ","), "\n")
  end
end

local function text_printer(columns)
  local headings = {}
  for i, column in ipairs(columns) do
    headings[i] = heading_format(column[2]):format(column[1])
  end
  tool.write((table.concat(headings, " "):gsub(" +$", "")), "\n")
  return function(record)
    local texts = {}
    for i, column in ipairs(columns) do
      local value, convert = record[column[3]], column[4]
      if type(convert) == "function" then
        value = convert(value, record)
      elseif convert and value then
        value = value * convert
      end
      texts[i] = value == nil and heading_format(column[2]):format("-") or column[2]:format(value)
    end
    local line = table.concat(texts, " "):gsub("[%c\x7f]", function(byte)
      return ("\\%03o"):format(byte:byte())
    end)
    tool.write(line, "\n")
  end
end

--- Prints the headings, and returns a function that prints a record (a table, or an event) as a
--- line, with --json as an object, with --csv as comma-separated values.
---
--- A column is { heading, format, member }. A fourth value is for people only: a factor, or
--- function(value, record), which gives what is shown instead. A member alone is for JSON only.
---@param options table what the parser gave
---@param columns (table|string)[]
---@return fun(record: table|bpf.Value)
function tool.printer(options, columns)
  if not options.json and not options.csv then
    return text_printer(with_times(options, columns))
  end
  local keys = {}
  for i, column in ipairs(columns) do
    keys[i] = type(column) == "table" and column[3] or column
  end
  if options.csv then return csv_printer(keys) end
  return function(record) tool.write_json(record, keys) end
end

--- Opens a perf buffer whose events tool.printer prints; then prints the headings, as a sign that
--- from now on nothing is missed. Returns the function that prints a record.
---@param events bpf.Table
---@param options table
---@param columns (table|string)[]
---@param record? fun(event: bpf.Value): table? what is printed of an event; nil for nothing
---@param page_cnt? integer for each CPU; 64, so that a burst of a thousand finds room
---@return fun(record: table|bpf.Value)
function tool.show(events, options, columns, record, page_cnt)
  local show
  events:open_perf_buffer(function(_, event)
    if record then event = record(event) end
    if event then show(event) end
  end, { page_cnt = page_cnt or 64 })
  show = tool.printer(options, columns)
  return show
end

-- Lets the command of --command begin, when b is attached.
local function begin(command)
  local done, problem = pcall(command.start, command)
  if not done then
    problem.position = ""
    io.stderr:write(tostring(problem), "\n")
    os.exit(1)
  end
end

-- The same as poll, until the command has ended.
local function poll_with(command, b, poll, seconds)
  begin(command)
  local finish = seconds and bpf.monotonic_time() + seconds * 1e9
  local rest
  repeat
    rest = finish and math.max(0, (finish - bpf.monotonic_time()) / 1e9)
    bpf.wait({ b, command }, rest)
    poll(b, 0)
  until command:wait(0) or rest == 0
end

-- Calls the callbacks for so many seconds, without end for nil.
local function poll_for(b, poll, seconds)
  if not seconds then
    while true do poll(b) end
  end
  local finish = bpf.monotonic_time() + seconds * 1e9
  repeat
    local rest = finish - bpf.monotonic_time()
    poll(b, math.max(0, math.ceil(rest / 1e6)))
  until rest <= 0
end

--- Calls the callbacks of b's perf buffers until --duration is over or Ctrl-C comes; then once more
--- for what happened before that. So the last line that is shown is whole, and the last event.
---@param b bpf.BPF
---@param options table
---@param kind? "ring" the ring buffers instead
function tool.poll(b, options, kind)
  local is_ring = kind == "ring"
  local poll = is_ring and b.ring_buffer_poll or b.perf_buffer_poll
  local consume = is_ring and b.ring_buffer_consume or b.perf_buffer_consume
  -- Ctrl-C interrupts what runs directly; what runs in a coroutine, only where it waits.
  bpf.until_interrupted(function()
    if options.command then
      coroutine.wrap(poll_with)(options.command, b, poll, options.duration)
    else
      coroutine.wrap(poll_for)(b, poll, options.duration)
    end
  end)
  consume(b)
end

-- Sleeps, but not longer than the command of --command runs: whether it has ended. Meanwhile the
-- callbacks of b's perf buffers are called, if b is given.
local function sleep(seconds, command, b)
  if not command and not b then
    bpf.sleep(seconds)
    return false
  elseif not b then
    return #bpf.wait({ command }, seconds) > 0
  end
  local finish = bpf.monotonic_time() + seconds * 1e9
  local rest
  repeat
    rest = math.max(0, (finish - bpf.monotonic_time()) / 1e9)
    if command then
      bpf.wait({ b, command }, rest)
      b:perf_buffer_poll(0)
      if command:wait(0) then return true end
    else
      b:perf_buffer_poll(rest < 1e6 and math.ceil(rest * 1000) or -1)
    end
  until rest == 0
  return false
end

--- Calls report() after each interval, and at the end: after --duration, or count reports, or with
--- Ctrl-C. A report that is due when Ctrl-C comes is made once. With b, events of its perf buffers
--- are taken meanwhile.
---@param options table
---@param report fun()
---@param b? bpf.BPF
function tool.report(options, report, b)
  local rest, count = options.duration or math.huge, options.count or math.huge
  local interval = options.interval or rest
  local interrupted = bpf.until_interrupted(function()
    if options.command then begin(options.command) end
    while true do
      -- As in tool.poll: Ctrl-C must not cut a callback off.
      local pause = b and coroutine.wrap(sleep) or sleep
      if pause(math.min(interval, rest), options.command, b) then return end
      rest, count = rest - interval, count - 1
      if rest <= 0 or count <= 0 then return end
      report()
    end
  end)
  if b then b:perf_buffer_consume() end
  if interrupted and not options.json then tool.write("\n") end -- the terminal shows ^C
  report()
end

--- Prints a power-of-two histogram, with --json as objects, and empties its table. What the program
--- counts between the two, some microseconds, is lost.
---@param histogram bpf.Table
---@param options table
---@param settings? bpf.histogram_options
function tool.print_histogram(histogram, options, settings)
  if options.json then
    histogram:print_json_hist(settings or {})
  else
    histogram:print_log2_hist(settings or {})
  end
  histogram:clear()
end

--- Prints what a histogram does not tell: how many there were, and how long they took together.
---@param options table
---@param count integer
---@param total_ns integer
---@param unit string as print_log2_hist's val_type
function tool.print_sum(options, count, total_ns, unit)
  if options.json then
    tool.write_json({ count = count, total_ns = total_ns }, { "count", "total_ns" })
    return
  end
  local divisor = ({ nsecs = 1, usecs = 1000, msecs = 1000000 })[unit]
  tool.write(("\navg = %d %s, total: %d %s, count: %d\n\n"):format(
    total_ns // count // divisor, unit, total_ns // divisor, unit, count))
end

local function ipv4(bytes)
  return ("%d.%d.%d.%d"):format(bytes:byte(1, 4))
end

local function ipv6(bytes)
  local mapped = ("\0"):rep(10) .. "\xff\xff"
  if bytes:sub(1, 12) == mapped then return "::ffff:" .. ipv4(bytes:sub(13)) end
  local groups = { (">I2"):rep(8):unpack(bytes) }
  -- The first of the longest runs of at least two zeros is written "::".
  local best, length, start = nil, 1, nil
  for i = 1, 9 do
    if groups[i] == 0 and i <= 8 then
      start = start or i
      if i - start + 1 > length then best, length = start, i - start + 1 end
    else
      start = nil
    end
  end
  for i = 1, 8 do groups[i] = ("%x"):format(groups[i]) end
  if not best then return table.concat(groups, ":", 1, 8) end
  return table.concat(groups, ":", 1, best - 1) .. "::"
    .. table.concat(groups, ":", best + length, 8)
end

--- An internet address as text.
---@param family integer 2 (AF_INET) or 10 (AF_INET6)
---@param bytes string 4 bytes, or more of which the first four count; 16 bytes
---@return string
function tool.address(family, bytes)
  return (family == 10 and ipv6 or ipv4)(bytes)
end

--- Puts the ends of a connection into a record: ip (4 or 6), local and remote.
---@param record table
---@param connection userdata with family, local and remote
---@return table record
function tool.add_ends(record, connection)
  local family = connection.family
  record.ip = family == 10 and 6 or 4
  record["local"] = tool.address(family, connection:bytes("local"))
  record.remote = tool.address(family, connection:bytes("remote"))
  return record
end

return tool
