-- A file or device whose reads become requests of a disk, when they are direct.

local disk = {}

local function output(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read("a")
  pipe:close()
  return text:match("^%s*(.-)%s*$")
end

--- Returns path, name of a disk that nobody else uses, or nil, and a function that cleans up; or
--- nil and why not. The file has 2 MiB. On a disk that others use it may lie in pieces, so that a
--- read becomes several requests.
function disk.file()
  local path = os.tmpname()
  local write = ("dd if=/dev/zero of=%s bs=2M count=1 status=none "):format(path)
  if output("df --output=source " .. path):find("/dev/", 1, true) then
    assert(os.execute(write .. "oflag=direct"))
    return path, nil, function() os.remove(path) end
  end
  assert(os.execute(write))
  local device = output(("modprobe loop && losetup --show -f %s"):format(path))
  if device == "" then
    os.remove(path)
    return nil, "needs a disk, or the kernel's loop devices"
  end
  return device, device:match("[^/]+$"), function()
    os.execute("losetup -d " .. device)
    os.remove(path)
  end
end

--- A command that reads so often 12288 bytes, past the cache.
function disk.reads(path, count)
  return ("dd if=%s of=/dev/null bs=12288 count=%d iflag=direct status=none"):format(path, count)
end

return disk
