-- How static tracepoints print, and the methods of USDT objects that print for people.

local usdt = { methods = {} }

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

--- Puts the way that they print on all objects of a list of probes; the C side calls it.
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

-- For scripts that have nothing to do without the probe: says why and ends.
function usdt.methods.enable_probe_or_bail(self, ...)
  local good, problem = pcall(self.enable_probe, self, ...)
  if good then
    return
  end
  if type(problem) == "string" then
    error(problem:gsub("^[^:]*:%d+: ", ""), 2)
  end
  io.stderr:write(problem.message, problem.hint and ". " .. problem.hint or "", "\n")
  os.exit(1, true)
end

return usdt
