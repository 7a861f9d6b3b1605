-- The command `luabpf list`: what can be probed on this machine.

local argparse = require "argparse"
local bpf = require "bpf"

local parser = argparse("luabpf list", "Show what can be probed.")
parser:argument("pattern", "Name with wildcards * and ?, such as 'vfs_*', 'tracepoint:sched:*', "
  .. "'kfunc:tcp_?onnect'. Kinds: " .. table.concat(require "bpf.list".kinds, ", ") .. ".")
  :args("?"):default("*")
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
for _, entry in ipairs(entries) do
  if json then
    print_json(json, entry)
  else
    print_probe(entry)
  end
end
for kind, reason in pairs(refused) do
  io.stderr:write(("luabpf list: no %s can be listed: %s\n"):format(kind, reason))
end
if #entries == 0 then
  io.stderr:write("luabpf list: nothing matches\n")
  os.exit(1)
end
