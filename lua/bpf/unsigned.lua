-- Lua's integers are signed, and string.format has no %u. An unsigned 64-bit number keeps its bits
-- in a Lua integer; this is its decimal text. math.ult compares such numbers.

-- Halving first makes the division by ten an unsigned one.
local function unsigned(number)
  if number >= 0 then
    return ("%d"):format(number)
  end
  local tenth = ((number >> 1) // 5)
  return ("%d%d"):format(tenth, number - tenth * 10)
end

return unsigned
