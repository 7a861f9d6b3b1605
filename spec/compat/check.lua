-- lua5.4 spec/compat/check.lua FOLDER [NAME…]: a line per captured program, then the failures
-- grouped by reason. FOLDER is what capture.py wrote.
local corpus <const> = require "spec.compat.corpus"

local folder <const> = assert(arg[1], "check.lua FOLDER [NAME…]")
local only
for i = 2, #arg do
  only = only or {}
  only[arg[i]] = true
end

local counts <const>, groups <const>, keys <const> = {}, {}, {}
for _, program in ipairs(corpus.check(folder, only)) do
  counts[program.result] = (counts[program.result] or 0) + 1
  if program.result == "ok" then
    print(("%-28s ok        %d functions"):format(program.name, program.detail))
  elseif program.result ~= "skipped" then
    local failure <const> = program.detail
    print(("%-28s %-9s %s %s"):format(program.name, program.result, failure.where or "",
      failure.message))
    if only then print(failure, failure.log) end
    local key <const> = corpus.excuse(failure) or failure.message:gsub("%d+", "N")
    if not groups[key] then
      groups[key] = {}
      keys[#keys + 1] = key
    end
    table.insert(groups[key], program.name)
  end
end
print()
for result, count in pairs(counts) do print(("%4d %s"):format(count, result)) end
for _, key in ipairs(keys) do print(#groups[key], key, table.concat(groups[key], " ")) end
