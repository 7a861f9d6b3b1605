-- BCC's class calls for functions that were loaded: BPF.attach_raw_socket(fn, dev) and the like.
-- What b:load_func gives knows its object, and it is that object's method which is called.
local remove_from_kernel <const> = require "bpf.core".replaced.remove_xdp

local functions = {}

-- Which object ran a function on a device by BPF.attach_xdp; BPF.remove_xdp(dev) is told only dev.
local on_device <const> = setmetatable({}, {__mode = "v"})

-- The argument that stands at this place, or has this name where all are in one table.
local function argument(place, name, ...)
  local options <const> = ...
  if type(options) == "table" and not options.bpf then return options[name] end
  return (select(place, ...))
end

-- The object that an argument's function belongs to.
local function owner(method, place, ...)
  local fn <const> = argument(place, "fn", ...)
  if type(fn) == "table" and fn.bpf then return fn.bpf end
  error(("%s: argument fn must be a function that b:load_func gives"):format(method), 3)
end

for name, place in pairs{attach_raw_socket = 1, attach_func = 1, detach_func = 1} do
  functions[name] = function(...)
    local b <const> = owner(name, place, ...)
    return b[name](b, ...)
  end
end

function functions.attach_xdp(...)
  local b <const> = owner("attach_xdp", 2, ...)
  on_device[argument(1, "dev", ...) or false] = b -- where it fails, b has nothing to remove
  return b:attach_xdp(...) -- a tail call: errors are of the caller's line
end

function functions.remove_xdp(...)
  local dev <const> = argument(1, "dev", ...)
  local b <const> = on_device[dev or false]
  on_device[dev or false] = nil
  if b and pcall(b.functions, b) then return b:remove_xdp(...) end -- it is open
  return remove_from_kernel(...)
end

return functions
