-- BCC's own programs through our compiler and this kernel's verifier. The programs are captured
-- from Debian's bpfcc-tools when this runs; none of their text is kept in the project.
local bpf <const> = require "bpf"
local json <const> = require "dkjson"

local corpus = {}

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

-- Runs the capture into folder, unless it was run for the same kernel before.
function corpus.capture(folder)
  local mark <const> = folder .. "/complete"
  if io.open(mark) then return end
  local command <const> = "/usr/bin/python3 spec/compat/capture.py %s spec/compat/args.txt"
  assert(os.execute(command:format(folder)))
  assert(io.open(mark, "w")):close()
end

-- The type that the tool loads function `name` with, or nil when nothing says so.
local function program_type(record, name)
  for _, call in ipairs(record.attach) do
    local method <const>, arguments <const>, options <const> = call[1], call[2], call[3]
    if method == "load_func" and arguments[1] == name then return arguments[2] end
    if by_attach[method] then
      if options.fn_name == name then return by_attach[method] end
      for _, argument in ipairs(arguments) do
        if argument == name then return by_attach[method] end
      end
    end
  end
  for _, row in ipairs(by_prefix) do
    if name:find(row[1]) then return row[2] end
  end
end

-- "ok" and the number of functions loaded, or the stage that failed and its error object.
local function check(record)
  local created <const>, b <const> = pcall(BPF, {
    text = record.text, cflags = record.cflags, auto_attach = false,
  })
  if not created then return b.op == "compile" and "compile" or "tables", b end
  local object <close> = b
  local loaded = 0
  for _, name in ipairs(object:functions()) do
    local kind <const> = program_type(record, name)
    if kind then
      local accepted <const>, failure <const> = pcall(object.load_func, object, name, kind)
      if not accepted then return "verifier", failure end
      loaded = loaded + 1
    end
  end
  return "ok", loaded
end

-- Checks every captured program in folder, or those called `only`. Returns an array of
-- {name=, result=, detail=}; result is "skipped" for those without a program and for USDT ones,
-- whose argument readers come with USDT.
function corpus.check(folder, only)
  local results <const> = {}
  local list <const> = io.popen("ls " .. folder .. "/*.json")
  for path in list:lines() do
    local name <const> = path:match("([^/]+)%.json$")
    if not only or only[name] then
      local file <close> = assert(io.open(path))
      local record <const> = json.decode(file:read("a"))
      local result, detail = "skipped", nil
      if type(record.text) == "string" and #record.usdt == 0
        and not record.text:find("bpf_usdt_readarg") then
        result, detail = check(record)
      end
      results[#results + 1] = {name = name, result = result, detail = detail}
    end
  end
  list:close()
  return results
end

-- Why a failure is no fault of ours: what this kernel's own type information lacks, or nil.
function corpus.excuse(failure)
  local message <const> = failure.message or ""
  local struct = message:match("incomplete definition of type '[%w ]-struct ([%w_]+)'")
  if struct and BPF.kernel_struct_has_field(struct, "") == -1 then
    return "this kernel has no struct " .. struct
  end
  local member
  member, struct = message:match("no member named '([%w_]+)' in 'struct ([%w_]+)'")
  if struct and BPF.kernel_struct_has_field(struct, member) == 0 then
    return ("this kernel's struct %s has no member %s"):format(struct, member)
  end
  local helper <const> = message:match("(bpf_[%w_]+)%(%) is not for this kind of program")
  if helper and not BPF.ksymname(helper) then return "this kernel has no " .. helper end
  local name <const> = message:match("unknown type name '([%w_]+)'")
  if name and BPF.kernel_struct_has_field(name, "") == -1 then
    return "this kernel has no type " .. name
  end
  if message:find("Cannot allocate memory", 1, true) then
    return "this machine has too little memory"
  end
end

return corpus
