-- Writes zip archives, also wrong ones. Checksums are left out: nobody here reads them.
local zip = {}

local page <const> = 4096

-- members: list of {name=, data=, method=0, flags=0, size=#data}; data of stored members begin at a
-- page, as zipalign makes it. Returns the archive's bytes and where each member's data begin.
function zip.pack(members, comment)
  local parts <const>, list <const>, starts <const> = {}, {}, {}
  local at = 0
  for _, member in ipairs(members) do
    local method <const>, flags <const> = member.method or 0, member.flags or 0
    local size <const> = member.size or #member.data
    local extra <const> = ("\0"):rep(-(at + 30 + #member.name) % page)
    local header <const> = ("<I4I2I2I2I2I2I4I4I4I2I2"):pack(0x04034b50, 10, flags, method, 0, 0, 0,
      #member.data, size, #member.name, #extra) .. member.name .. extra
    list[#list + 1] = ("<I4I2I2I2I2I2I2I4I4I4I2I2I2I2I2I4I4"):pack(0x02014b50, 20, 10, flags,
      method, 0, 0, 0, #member.data, size, #member.name, 0, 0, 0, 0, 0, at) .. member.name
    starts[member.name] = at + #header
    parts[#parts + 1] = header .. member.data
    at = at + #header + #member.data
  end
  local entries <const> = table.concat(list)
  comment = comment or ""
  return table.concat(parts) .. entries .. ("<I4I2I2I2I2I4I4I2"):pack(0x06054b50, 0, 0, #members,
    #members, #entries, at, #comment) .. comment, starts
end

return zip
