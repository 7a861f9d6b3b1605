-- Stacks as folded text: one line for each, "outermost;middle;innermost 42", which is what flame
-- graph programs read and write. A stack is a table {frames = {"outermost", …, "innermost"},
-- count = 42}.

local folded = {}

--- A frame's name without what ends a frame or a line: folded.frame("a;b") is "a:b".
function folded.frame(name)
  return (name:gsub("[;\r\n]", { [";"] = ":", ["\r"] = " ", ["\n"] = " " }))
end

local function check(stack, place)
  if type(stack) ~= "table" or type(stack.frames) ~= "table" then
    error(("stack %d must be a table {frames = {…}, count = …}"):format(place), 4)
  end
  local count <const> = stack.count
  if type(count) ~= "number" or not (count >= 0 and count < math.huge) then
    error(("stack %d: the count must be a number that is not negative, not %s")
      :format(place, tostring(count)), 4)
  end
end

-- Positions of text are told by its lines, those of an array by its indices.
local function parse(text)
  local stacks, line_number = {}, 0
  for line in text:gmatch("[^\n]*") do
    line_number = line_number + 1
    line = line:gsub("\r$", "")
    if line ~= "" then
      local names, count = line:match("^(.-)%s+(%S+)$")
      count = tonumber(count)
      if not count or not (count >= 0 and count < math.huge) then
        error(("line %d of the folded stacks does not end with a count: '%s'")
          :format(line_number, line:sub(1, 60)), 4)
      end
      local frames = {}
      for name in (names .. ";"):gmatch("([^;]*);") do frames[#frames + 1] = name end
      stacks[#stacks + 1] = { frames = frames, count = count }
    end
  end
  return stacks
end

--- The stacks of an array, checked, or of folded text. Errors are those of the caller's caller.
function folded.stacks(stacks)
  if type(stacks) == "string" then return parse(stacks) end
  if type(stacks) ~= "table" then
    error("the stacks must be an array or folded text, not a " .. type(stacks), 3)
  end
  for place, stack in ipairs(stacks) do check(stack, place) end
  return stacks
end

--- The name of a stack without frames.
folded.nameless = "[unknown]"

--- Folded text of stacks, sorted; equal stacks are one line.
---   folded.fold({ {frames = {"main", "work"}, count = 3} }) --> "main;work 3\n"
function folded.fold(stacks)
  local counts, lines = {}, {}
  for _, stack in ipairs(folded.stacks(stacks)) do
    local names = {}
    for i, name in ipairs(stack.frames) do names[i] = folded.frame(tostring(name)) end
    local line = names[1] and table.concat(names, ";") or folded.nameless
    if not counts[line] then lines[#lines + 1] = line end
    counts[line] = (counts[line] or 0) + stack.count
  end
  table.sort(lines)
  for i, line in ipairs(lines) do lines[i] = ("%s %s\n"):format(line, counts[line]) end
  return table.concat(lines)
end

return folded
