-- What bpf_trace_printk wrote, printed.

local trace = { methods = {} }

-- "<10", ">8.3f": alignment, width, precision and kind, as Python's format has them.
local function format_spec(value, spec)
  local align, width, precision, kind = spec:match("^([<>]?)(%d*)%.?(%d*)([dfsx]?)$")
  if not align then
    error(("trace_print: '%s' is no format"):format(spec), 4)
  end
  local text
  if kind == "f" or (precision ~= "" and type(value) == "number") then
    text = ("%." .. (precision ~= "" and precision or "6") .. "f"):format(value)
  elseif kind == "x" then
    text = ("%x"):format(value)
  elseif precision ~= "" then
    text = tostring(value):sub(1, tonumber(precision))
  else
    text = tostring(value)
  end
  local padding = (" "):rep((tonumber(width) or 0) - #text)
  local to_right = align == ">" or (align == "" and type(value) == "number")
  return to_right and padding .. text or text .. padding
end

--- Replaces {n} and {n:spec} in fmt by the nth of the values, counted from 0; {{ and }} are braces.
function trace.format(fmt, ...)
  local values, count = { ... }, select("#", ...)
  local parts, at = {}, 1
  while true do
    local start, stop = fmt:find("[{}]", at)
    if not start then
      parts[#parts + 1] = fmt:sub(at)
      return table.concat(parts)
    end
    parts[#parts + 1] = fmt:sub(at, start - 1)
    local brace = fmt:sub(start, start)
    if fmt:sub(start + 1, start + 1) == brace then
      parts[#parts + 1] = brace
      at = stop + 2
    else
      local index, spec, after = fmt:match("^{(%d+):?([^{}]*)}()", start)
      if not index or tonumber(index) >= count then
        error(("trace_print: '%s' is not understood; fields are {0} to {%d}")
          :format(fmt:sub(start), count - 1), 3)
      end
      local value = values[tonumber(index) + 1]
      parts[#parts + 1] = spec == "" and tostring(value) or format_spec(value, spec)
      at = after
    end
  end
end

--- Prints what arrives until the script is interrupted. fmt chooses among the fields 0 task, 1 pid,
--- 2 cpu, 3 flags, 4 timestamp, 5 message; without it lines are printed as they are.
function trace.methods:trace_print(fmt)
  if type(fmt) == "table" then
    for name in pairs(fmt) do
      if name ~= "fmt" then
        error(("trace_print: unknown option '%s'; did you mean 'fmt'?"):format(tostring(name)), 2)
      end
    end
    fmt = fmt.fmt
  end
  if fmt ~= nil and type(fmt) ~= "string" then
    error("trace_print: the format must be a string, not a " .. type(fmt), 2)
  end
  if fmt then
    trace.format(fmt, "", 0, 0, "", 0.0, "") -- a wrong one fails now, not at the first line
  end
  while true do
    local line
    if fmt then
      local task, pid, cpu, flags, timestamp, message = self:trace_fields()
      line = task and trace.format(fmt, task, pid, cpu, flags, timestamp, message)
    else
      line = self:trace_readline()
    end
    if line then
      io.write(line, "\n")
      io.flush()
    end
  end
end

return trace
