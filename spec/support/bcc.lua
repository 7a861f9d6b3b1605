-- BCC's tools, where Debian's bpfcc-tools has them, for comparisons.
local bcc = {}

local function output(command)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  pipe:close()
  return text:match("%S+")
end

local function there(path)
  return os.execute("test -e " .. path)
end

--- What BCC's environment must begin with. It needs kernel headers: where the running kernel has
--- none, Debian's of another kernel serve for what reads no struct of the kernel. They are two
--- trees, and BCC takes one, which is made in a folder. nil when there are none.
function bcc.environment(folder)
  local release <const> = output("uname -r")
  if there(("/lib/modules/%s/build/"):format(release)) then return "" end
  local headers <const> = output("ls -d /usr/src/linux-headers-*-amd64 2>/dev/null | tail -n 1")
  if not headers then return nil end
  local merged <const> = folder .. "/headers"
  if not there(merged) then
    local common <const> = headers:gsub("%-amd64$", "-common")
    os.execute(("{ mkdir -p %s && cp -rs %s/. %s/. %s; } 2>/dev/null"):format(
      merged, common, headers, merged))
  end
  return "BCC_KERNEL_SOURCE=" .. merged .. " "
end

--- Why a tool of BCC's can't run here; nil when it can.
function bcc.missing(tool)
  if not there(("/usr/sbin/%s-bpfcc"):format(tool)) then return "needs bpfcc-tools" end
  if not there(("/lib/modules/%s/build/"):format(output("uname -r"))) and
    not output("ls -d /usr/src/linux-headers-*-amd64 2>/dev/null") then
    return "needs kernel headers (apt-get install linux-headers-amd64)"
  end
  return nil
end

--- A tool's command, in an environment that environment() gave.
function bcc.command(environment, tool, arguments)
  return ("env %s/usr/bin/python3 -u /usr/sbin/%s-bpfcc %s"):format(environment, tool, arguments)
end

return bcc
