-- Methods of tables that need nothing of C's.

local methods = {}

--- Walks one stack: an iterator over its addresses, innermost first, or over what resolve makes
--- of them. An id that is negative (the kernel's way to say that there is no stack) or not there
--- yields nothing.
function methods:walk(id, resolve)
  local stack = self:get_stack(id) or {}
  local place = 0
  return function()
    place = place + 1
    local address = stack[place]
    if address and resolve then
      return resolve(address) or "[unknown]"
    end
    return address
  end
end

return methods
