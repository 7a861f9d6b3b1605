-- What the measurements of mechanisms share. Lines for run.lua: row, subject, figure, unit; or row,
-- subject, "-", reason.
local measure = {}

function measure.line(...) print(table.concat({...}, "\t")) end

function measure.median(values)
  table.sort(values)
  return values[(#values + 1) // 2]
end

-- What a command prints, as a number; nil when it fails.
function measure.number_of(command)
  local pipe <const> = io.popen(command .. " 2>/dev/null")
  local number <const> = pipe:read("n")
  pipe:close()
  return number
end

-- Measures subjects in turn, so that a change of the machine's speed meets all of them. A subject
-- is a name and a function that gives a figure, or nil and a reason; what plain() gives is taken
-- off.
function measure.in_turn(row, unit, rounds, subjects, plain)
  local figures <const>, reasons <const>, base <const> = {}, {}, {}
  for _ = 1, rounds do
    base[#base + 1] = plain and plain() or 0
    for i, subject in ipairs(subjects) do
      local figure, reason = subject[2]()
      figures[i] = figures[i] or {}
      if figure then table.insert(figures[i], figure) else reasons[i] = reason end
    end
  end
  for i, subject in ipairs(subjects) do
    if reasons[i] then
      measure.line(row, subject[1], "-", reasons[i])
    else
      measure.line(row, subject[1],
        ("%.1f"):format(measure.median(figures[i]) - measure.median(base)), unit)
    end
  end
end

return measure
