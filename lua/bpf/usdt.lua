-- How static tracepoints print, and the methods of USDT objects that print for people.

local usdt = {}

-- "*(dx + 0 + ax * 8)", "di", "-7"
local function operand(argument)
  if argument.reason then
    return ("%s (%s)"):format(argument.text, argument.reason)
  elseif argument.constant then
    return ("%d"):format(argument.constant)
  elseif argument.ident then
    return ("&%s %s %d"):format(argument.ident, argument.offset < 0 and "-" or "+",
      math.abs(argument.offset))
  elseif not argument.deref_offset then
    return argument.base_register_name
  end
  local base = argument.base_register_name
  if argument.deref_ident then
    base = "&" .. argument.deref_ident .. (base and " + " .. base or "")
  end
  local sign = argument.deref_offset < 0 and "-" or "+"
  local index = ""
  if argument.index_register_name then
    index = (" + %s * %d"):format(argument.index_register_name, argument.scale)
  end
  return ("*(%s %s %d%s)"):format(base or "0", sign, math.abs(argument.deref_offset), index)
end

local argument_methods = {
  __name = "bpf.USDTProbeArgument",
  __tostring = function(argument)
    if not argument.size then
      return operand(argument)
    end
    return ("%d %s bytes @ %s"):format(argument.size,
      argument.signed and "signed  " or "unsigned", operand(argument))
  end,
}

local location_methods = {
  __name = "bpf.USDTProbeLocation",
  __tostring = function(location)
    return ("%s 0x%x"):format(location.path, location.address)
  end,
}

local probe_methods = {
  __name = "bpf.USDTProbe",
  __index = {
    --- "provider:name"
    short_name = function(probe) return probe.provider .. ":" .. probe.name end,
  },
  __tostring = function(probe)
    return ("%s [sema 0x%x]"):format(probe:short_name(), probe.semaphore)
  end,
}

--- Puts the way that they print on all objects of a list of probes.
function usdt.dress(probes)
  for _, probe in ipairs(probes) do
    setmetatable(probe, probe_methods)
    for _, location in ipairs(probe.locations) do
      setmetatable(location, location_methods)
      for _, argument in ipairs(location.arguments) do
        setmetatable(argument, argument_methods)
      end
    end
  end
  return probes
end

--- Replaces and adds methods of USDT objects, given those of the C side.
function usdt.extend(methods)
  local enumerate = methods.enumerate_probes

  function methods.enumerate_probes(self)
    return usdt.dress(enumerate(self))
  end

  -- A place for each location of each enabled probe.
  function methods.enumerate_active_probes(self)
    local list = {}
    for _, probe in ipairs(enumerate(self)) do
      for _, location in ipairs(probe.fn_name and probe.locations or {}) do
        list[#list + 1] = {
          bin_path = location.path, fn_name = probe.fn_name, address = location.address,
          pid = self:pid(),
        }
      end
    end
    return list
  end

  -- For scripts that have nothing to do without the probe: says why and ends.
  function methods.enable_probe_or_bail(self, ...)
    local good, problem = pcall(methods.enable_probe, self, ...)
    if not good then
      io.stderr:write(tostring(problem), "\n")
      os.exit(1, true)
    end
  end
end

return usdt
