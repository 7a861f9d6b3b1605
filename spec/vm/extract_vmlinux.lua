-- extract_vmlinux.lua VMLINUZ VMLINUX: unpack the kernel that a bzImage carries.
--
-- The header of the Linux/x86 boot protocol says where the packed kernel lies, counted from the end
-- of the real-mode sectors. The payload's last four bytes are the unpacked size, put there by
-- the kernel's build; they tell a whole unpack from a cut one, as some unpackers complain about
-- just these bytes.

local source, target = arg[1], arg[2]

local unpackers = {
  ["\xfd7zXZ"] = "xz --single-stream -dc",
  ["\x28\xb5\x2f\xfd"] = "zstd -dcq",
  ["\x02\x21\x4c\x18"] = "lz4 -dcq",
  ["\x1f\x8b"] = "gzip -dcq",
}

local file = assert(io.open(source, "rb"))
local image = file:read("a")
file:close()

local setup_sectors = image:byte(0x1f1 + 1)
if setup_sectors == 0 then setup_sectors = 4 end
local offset, length = string.unpack("<I4I4", image, 0x248 + 1)
local first = (setup_sectors + 1) * 512 + offset + 1
local payload = image:sub(first, first + length - 1)

local command
for magic, unpacker in pairs(unpackers) do
  if payload:sub(1, #magic) == magic then command = unpacker end
end
if not command then error(source .. ": the kernel is packed in a way that is not known here") end

local pipe = assert(io.popen(("%s > '%s' 2>/dev/null"):format(command, target), "w"))
pipe:write(payload)
pipe:close()

local result = assert(io.open(target, "rb"))
local magic, size = result:read(4), result:seek("end")
result:close()
if magic ~= "\x7fELF" or size ~= string.unpack("<I4", payload, #payload - 3) then
  os.remove(target)
  error(source .. ": unpacking the kernel failed; are xz, zstd and lz4 installed?")
end
