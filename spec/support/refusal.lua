-- What the world refuses: one error object that says all, and nothing left behind.
local assert <const> = require "luassert"
local leftovers <const> = require "spec.support.leftovers"

local refusal = {}

-- Runs action, which must raise an error object, and returns that.
function refusal.of(action)
  local before <const> = leftovers.now()
  local good, e = pcall(action)
  assert.is_false(good, "it was not refused")
  assert.equal("table", type(e), "no error object: " .. tostring(e))
  assert.equal("string", type(e.op))
  assert.equal("string", type(e.message))
  assert.equal("integer", math.type(e.errno))
  assert.is_true(e.errno > 0, "errno " .. e.errno)
  local text <const> = tostring(e)
  assert.truthy(text:find(e.message, 1, true))
  assert.truthy(not e.hint or text:find(e.hint, 1, true))
  assert.falsy(text:find("stack traceback", 1, true))
  assert.falsy(text:find("\n", 1, true), "not one paragraph: " .. text)
  assert.same(before, leftovers.now())
  return e
end

-- Runs action, which must raise a plain text that starts with the position in the given file.
-- Returns it without that.
function refusal.misuse(action, file)
  local good, e = pcall(action)
  assert.is_false(good, "it was not refused")
  assert.equal("string", type(e), "not a plain text")
  assert.truthy(e:find("^[^:]*" .. file:gsub("%p", "%%%0") .. ":%d+: "), e)
  return (e:gsub("^[^:]*:%d+: ", ""))
end

-- The number of the line of a file that has the mark.
function refusal.line_of(file, mark)
  local number = 0
  for line in io.lines(file) do
    number = number + 1
    if line:find(mark, 1, true) then return number end
  end
end

return refusal
