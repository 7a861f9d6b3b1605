-- How many of BCC's own programs compile and pass the verifier of this kernel.
--   lua5.4 check.lua FOLDER [NAME…]
-- FOLDER holds what capture.py wrote. Prints a line per program, then the failures grouped by
-- reason. USDT programs are left out: their argument readers come with USDT.
local bpf <const> = require "bpf"
local json <const> = require "dkjson"

local BPF <const> = bpf.BPF
local by_attach <const> = {
  attach_kprobe = BPF.KPROBE, attach_kretprobe = BPF.KPROBE, attach_uprobe = BPF.KPROBE,
  attach_uretprobe = BPF.KPROBE, attach_tracepoint = BPF.TRACEPOINT,
  attach_raw_tracepoint = BPF.RAW_TRACEPOINT, attach_perf_event = BPF.PERF_EVENT,
  attach_perf_event_raw = BPF.PERF_EVENT,
}
local by_prefix <const> = {
  {"^kprobe__", BPF.KPROBE}, {"^kretprobe__", BPF.KPROBE}, {"^syscall__", BPF.KPROBE},
  {"^tracepoint__", BPF.TRACEPOINT}, {"^raw_tracepoint__", BPF.RAW_TRACEPOINT},
}

-- The type that the tool loads function `name` with, or nil when nothing says so.
local function program_type(record, name)
  for _, call in ipairs(record.attach) do
    local method, arguments, options = call[1], call[2], call[3]
    if method == "load_func" and arguments[1] == name then return arguments[2] end
    if options.fn_name == name and by_attach[method] then return by_attach[method] end
    for _, argument in ipairs(arguments) do
      if argument == name and by_attach[method] then return by_attach[method] end
    end
  end
  for _, row in ipairs(by_prefix) do
    if name:find(row[1]) then return row[2] end
  end
end

local function first_line(text)
  return (tostring(text):match("^[^\n]*"))
end

-- Result, stage and reason: "ok", or what failed.
local function check(record)
  local ok, b = pcall(BPF, {text = record.text, cflags = record.cflags, auto_attach = false})
  if not ok then return "compile", type(b) == "userdata" and b.message or first_line(b), b end
  local loaded = 0
  for _, name in ipairs(b:functions()) do
    local kind <const> = program_type(record, name)
    if kind then
      local good, failure = pcall(b.load_func, b, name, kind)
      if not good then
        b:close()
        return "verifier", failure.message or first_line(failure), failure
      end
      loaded = loaded + 1
    end
  end
  b:close()
  return "ok", loaded
end

local folder <const> = assert(arg[1], "check.lua FOLDER [NAME…]")
local only = {}
for i = 2, #arg do only[arg[i]] = true end
local counts, groups = {ok = 0, compile = 0, verifier = 0, skipped = 0}, {}
for path in io.popen("ls " .. folder .. "/*.json"):lines() do
  local record <const> = json.decode(assert(io.open(path)):read("a"))
  local name <const> = path:match("([^/]+)%.json$")
  if not next(only) or only[name] then
    if type(record.text) ~= "string" or #record.usdt > 0
      or record.text:find("bpf_usdt_readarg") then
      counts.skipped = counts.skipped + 1
    else
      local result, detail, failure = check(record)
      counts[result] = counts[result] + 1
      if result == "ok" then detail = detail .. " functions" end
      print(("%-28s %-9s %s"):format(name, result, detail))
      if result ~= "ok" then
        local key <const> = result .. ": " .. detail:gsub("%d+", "N")
        groups[key] = groups[key] or {}
        table.insert(groups[key], name)
        if next(only) then print(tostring(failure)) print(failure.log) end
      end
    end
  end
end
print(("\n%d compile and load, %d do not compile, %d are rejected by the verifier, "
  .. "%d have no program to check"):format(
  counts.ok, counts.compile, counts.verifier, counts.skipped))
local keys = {}
for key in pairs(groups) do keys[#keys + 1] = key end
table.sort(keys, function(a, b) return #groups[a] > #groups[b] end)
for _, key in ipairs(keys) do print(#groups[key], key, table.concat(groups[key], " ")) end
