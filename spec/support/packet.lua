-- Runs loaded programs over a packet made by hand, in the kernel's own test run.
local packet = {}

-- Whether there is what runs them.
function packet.available()
  return os.execute("command -v bpftool >/dev/null") ~= nil
end

local function read(path)
  local file <const> = assert(io.open(path, "rb"))
  local text <const> = file:read("a")
  file:close()
  return text
end

-- The id under which bpftool knows the program.
function packet.id(program)
  return tonumber(read("/proc/self/fdinfo/" .. program.fd):match("prog_id:%s*(%d+)"))
end

-- Runs the program once over the bytes: what it returned (as an unsigned number), and the packet
-- that it left.
function packet.run(program, bytes)
  local data_in <const>, data_out <const> = os.tmpname(), os.tmpname()
  local file <const> = assert(io.open(data_in, "wb"))
  file:write(bytes)
  file:close()
  local command <const> = ("bpftool prog run id %d data_in %s data_out %s 2>&1"):format(
    packet.id(program), data_in, data_out)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  pipe:close()
  local out <const> = read(data_out)
  os.remove(data_in)
  os.remove(data_out)
  local result <const> = assert(text:match("Return value: (%d+)"), text)
  return tonumber(result), out
end

return packet
