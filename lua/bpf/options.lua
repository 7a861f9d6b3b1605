-- Reading of arguments as the C side does it: positional values, one table of named options, or
-- positional values and a trailing table. Unknown names raise.

local options = {}

local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end

--- The name of the list that is nearest to wanted, or nil when none is near.
function options.nearest(wanted, names)
  local best, least = nil, 3 + #wanted // 4
  for _, name in ipairs(names) do
    local this = distance(wanted, name)
    if this < least then
      best, least = name, this
    end
  end
  return best
end

local function check_name(method, names, name, level)
  for _, known in ipairs(names) do
    if name == known then
      return
    end
  end
  local best = type(name) == "string" and options.nearest(name, names)
  local advice = best and ("; did you mean '%s'?"):format(best)
    or "; it takes " .. table.concat(names, ", ")
  error(("%s: unknown option '%s'%s"):format(method, tostring(name), advice), level + 1)
end

--- The options that a method got, by name. names is in positional order.
function options.collect(method, names, ...)
  local given, count = {}, select("#", ...)
  local last = select(count > 0 and count or 1, ...)
  local positional = type(last) == "table" and count - 1 or count
  if positional > #names then
    error(("%s takes at most %d arguments"):format(method, #names), 3)
  end
  for i = 1, positional do
    given[names[i]] = (select(i, ...))
  end
  if positional < count then
    for name, value in pairs(last) do
      check_name(method, names, name, 3)
      given[name] = value
    end
  end
  return given
end

return options
