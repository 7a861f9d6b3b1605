-- Where text for other programs goes: a path, an open file, or the current output. A full disk
-- is an error, not a short file.

local sink = {}

local function must(result, problem)
  return result or error(problem, 0)
end

local function fill_file(file, fill)
  fill(function(...) must(file:write(...)) end)
end

local function fill_path(path, fill)
  local file <close> = must(io.open(path, "wb"))
  fill_file(file, fill)
  must(file:close())
end

--- Calls fill with a function that writes its arguments. Errors are those of the caller's caller.
function sink.write(method, target, fill)
  target = target or io.output()
  local by_path <const> = type(target) == "string"
  if not by_path and io.type(target) ~= "file" then
    error(method .. ": the file must be a path or an open file", 3)
  end
  local ok <const>, problem <const> = pcall(by_path and fill_path or fill_file, target, fill)
  if not ok then error(method .. ": " .. tostring(problem), 3) end
end

return sink
