-- How the launcher runs a script, as `luabpf run FILE [ARG…]`: as lua5.4 would, but what the kernel
-- or the compiler refuses is told in one paragraph under the script's name, and Ctrl-C at any
-- moment just ends it.

local file = table.remove(arg, 1)
if not file then
  io.stderr:write("usage: luabpf run FILE.lua [ARG…]\n")
  os.exit(2)
end
arg[0] = file -- luacheck: ignore 122

local function fail(text)
  io.stderr:write(file:match("([^/]+)%.lua$") or file, ": ", text, "\n")
  os.exit(1, true)
end

-- An error object speaks for itself; anything else comes with where it was raised.
local function explain(e)
  local meta = getmetatable(e)
  if type(e) == "string" and not e:find("interrupted!$") then
    return debug.traceback(e, 2)
  elseif type(e) == "string" or meta and meta.__tostring then
    return e
  end
  return debug.traceback(("error object is a %s value"):format(type(e)), 2)
end

local script, problem = loadfile(file)
if not script then
  fail(problem)
end
local done, e = xpcall(script, explain, table.unpack(arg))
if not done then
  if type(e) == "string" and e:find("interrupted!$") then
    os.exit(130, true)
  end
  fail(tostring(e))
end
