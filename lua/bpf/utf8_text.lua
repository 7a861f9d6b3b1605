-- Names in the kernel are bytes; JSON, CSV and XML are text. What is no UTF-8 becomes U+FFFD, one
-- for each byte, so that no reader stops at it and what was readable stays so.

local replacement <const> = "\u{FFFD}"

--- The text with every byte that is no part of valid UTF-8 replaced:
---   utf8_text("a\xFFb") --> "a\u{FFFD}b"
local function utf8_text(bytes)
  if utf8.len(bytes) then return bytes end
  local parts, at = {}, 1
  while at <= #bytes do
    local length, bad = utf8.len(bytes, at)
    if length then
      parts[#parts + 1] = bytes:sub(at)
      break
    end
    parts[#parts + 1] = bytes:sub(at, bad - 1) .. replacement
    at = bad + 1
    -- The rest of a sequence that was cut or is not allowed is a byte each, too; utf8.len takes no
    -- position inside of a sequence.
    while at <= #bytes and bytes:byte(at) & 0xC0 == 0x80 do
      parts[#parts + 1] = replacement
      at = at + 1
    end
  end
  return table.concat(parts)
end

return utf8_text
