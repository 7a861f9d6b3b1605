-- Each tool in scripts/ beside BCC's of the same name, on the same workload:
--   luabpf spec/compat/beside_bcc.lua [TOOL…]
-- A line per tool: what it had to count, and what ours and BCC's say, or why BCC's says nothing.
-- With SHOW=1 also what they print. BCC needs bpfcc-tools and kernel headers, and kprobes for most;
-- docs/coming-from-bcc.md says how to have them in a guest.
package.path = arg[0]:match("^(.*)/") .. "/../../?.lua;" .. package.path
local beside <const> = require "spec.compat.beside"

if os.getenv("SHOW") then
  beside.show = function(text, errors) io.stderr:write(text, errors, "\n") end
end

local wanted
for _, name in ipairs(arg) do
  wanted = wanted or {}
  wanted[name] = true
end
local folder <const> = os.tmpname() -- becomes a folder
os.remove(folder)
assert(os.execute("mkdir " .. folder))

io.stdout:setvbuf("line")
local line <const> = "%-14s %8s %8s %8s  %-9s %s"
print(line:format("TOOL", "DONE", "OURS", "BCC'S", "", "WORKLOAD"))
for _, row in ipairs(beside.rows) do
  if not wanted or wanted[row[1]] then
    local result <const> = beside.compare(row, folder)
    print(line:format(row[1], result.expected, result.ours or "-", result.bcc or "-",
      result.agree and "agree" or "", row[2] .. " " .. row[3]
      .. (result.problem and (" (%s)"):format(result.problem) or "")))
  end
end
os.execute("rm -rf " .. folder)
