-- The command `luabpf list`: what can be probed on this machine.

local argparse = require "argparse"
local bpf = require "bpf"

local parser = argparse("luabpf list", "Show what can be probed.")
parser:argument("pattern", "Name with wildcards * and ?, such as 'vfs_*', 'tracepoint:sched:*', "
  .. "'kfunc:tcp_?onnect'. Kinds: " .. table.concat(require "bpf.list".kinds, ", ") .. ".")
  :default("*")
parser:flag("-v --verbose", "Show fields of tracepoints, parameters of functions, arguments of "
  .. "static probes.")
parser:option("-k --kind", "Only this kind.")
parser:option("-p --pid", "Functions (uprobe) and static probes (usdt) of this process.")
  :convert(math.tointeger)
parser:option("--path", "The same of this program or library: a path, or a name such as c.")
parser:flag("--json", "One JSON object per line.")
local options = parser:parse()

local function print_probe(entry)
  local detail = options.verbose and entry.declaration
  print(("%s:%s%s"):format(entry.kind, entry.path and entry.path .. ":" .. entry.name or entry.name,
    detail and "    " .. detail or ""))
  for _, field in ipairs(entry.fields or {}) do
    print(("    %-40s offset %-4d size %d"):format(field.declaration, field.offset, field.size))
  end
  if options.verbose and entry.probe then
    print("    " .. tostring(entry.probe))
  end
end

local function print_json(json, entry)
  entry.probe = entry.probe and tostring(entry.probe)
  print(json.encode(entry, { keyorder = { "kind", "name", "module", "declaration", "path" } }))
end

local done, entries, refused = pcall(bpf.list, {
  pattern = options.pattern, kind = options.kind, pid = options.pid, path = options.path,
  fields = options.verbose or options.json,
})
if not done then
  io.stderr:write("luabpf list: ", (tostring(entries):gsub("^.-list: ", "")), "\n")
  os.exit(1)
end
local json = options.json and require "dkjson"
local kinds_shown = {}
for _, entry in ipairs(entries) do
  kinds_shown[entry.kind] = true
  if json then
    print_json(json, entry)
  else
    print_probe(entry)
  end
end
for kind, reason in pairs(refused) do
  io.stderr:write(("luabpf list: no %s can be listed: %s\n"):format(kind, reason))
end

-- What is named may still be refused: a kernel has functions whether or not it lets them be probed.
local feature_of = { kprobe = "kprobe", kfunc = "fentry", lsm = "lsm", uprobe = "uprobe",
  usdt = "uprobe", hardware = "hardware_event" }
local features
for _, kind in ipairs(require "bpf.list".kinds) do
  local feature = kinds_shown[kind] and feature_of[kind]
  if feature then
    features = features or bpf.features()
    if not features[feature].available then
      io.stderr:write(("luabpf list: no %s can be attached here: %s\n"):format(kind,
        features[feature].reason))
    end
  end
end
if #entries == 0 then
  io.stderr:write("luabpf list: nothing matches\n")
  os.exit(1)
end
