-- luabpf -i: reads, runs and shows what a person types, and handles events of all open objects
-- meanwhile.

local bpf = require "bpf"
local complete = require "bpf.repl.complete"
local evaluate = require "bpf.repl.evaluate"
local reader = require "bpf.repl.reader"
local show = require "bpf.repl.show"

local repl = {}

local function complain(problem)
  io.stdout:flush()
  local text = type(problem) == "table" and not getmetatable(problem) and show(problem)
    or tostring(problem)
  io.stderr:write((text:gsub("^%[string [^%]]*%]:%d+: ", "")), "\n")
end

-- Every BPF object that is made from now on, whichever variable holds it.
local function watch_objects()
  local objects = setmetatable({}, { __mode = "k" })
  local class = debug.getmetatable(bpf.BPF)
  local make = class.__call
  function class.__call(...)
    local done, b = pcall(make, ...)
    if done then
      objects[b] = true
      return b
    elseif type(b) == "table" then
      b.position = "" -- it would be this line
    end
    error(type(b) == "string" and b:gsub("^%S+/init%.lua:%d+: ", "") or b, 0)
  end
  return objects
end

-- Those that are still open.
local function open_objects(objects)
  local list = {}
  for b in pairs(objects) do
    if pcall(bpf.methods.BPF.pollfd, b) then
      list[#list + 1] = b
    else
      objects[b] = nil
    end
  end
  return list
end

-- Calls the callbacks of what has arrived. Only open ring buffers can be polled.
local function handle_events(b)
  for _, name in ipairs { "perf_buffer_poll", "ring_buffer_poll" } do
    local done, problem = pcall(bpf.methods.BPF[name], b, 0)
    if not done and not tostring(problem):find("No ring buffers to poll", 1, true) then
      complain(problem)
    end
  end
end

local function show_all(...)
  local texts, has_lines = {}, false
  for i = 1, select("#", ...) do
    texts[i] = show((select(i, ...)))
    has_lines = has_lines or texts[i]:find("\n")
  end
  if texts[1] then
    print(table.concat(texts, has_lines and "\n" or "\t"))
  end
end

-- Ctrl-C in here ends what runs and nothing else.
local function run(fn)
  local done, interrupted = pcall(bpf.until_interrupted, function()
    show_all(fn())
  end)
  if not done then
    complain(interrupted)
  elseif interrupted then
    complain("interrupted")
  end
end

-- What people type in other shells to leave.
local leaves <const> = { exit = true, quit = true, ["exit()"] = true, ["quit()"] = true }

-- Reads until the text is whole: a function; or nil at the end of the input.
local function read_chunk(lines, environment)
  local text, prompt = nil, "> "
  while true do
    local line = lines:line(prompt)
    local word = line and not text and line:match("^%s*(.-)%s*$")
    if not line or leaves[word] then
      return nil
    end
    line = word == "help" and "help()" or line
    text = text and text .. "\n" .. line or line:gsub("^%s*=", "")
    local fn, problem, is_incomplete = evaluate.compile(text, "=typed", environment)
    if fn then
      return fn
    elseif not is_incomplete then
      complain(problem)
      text, prompt = nil, "> "
    else
      prompt = ">> "
    end
  end
end

local function session(lines, environment)
  local fn = read_chunk(lines, environment)
  while fn do
    run(fn)
    fn = read_chunk(lines, environment)
  end
end

--- Runs the file, if one is given, then what is typed, until the end of the input.
function repl.run(path)
  local objects = watch_objects()
  local environment = evaluate.environment()
  local lines = reader.new {
    sources = function() return open_objects(objects) end,
    on_event = handle_events,
    candidates = function(line, from, to)
      return complete.candidates(line, from, to, environment)
    end,
  }
  if lines.is_terminal then
    print(("luabpf %s, %s; help() tells how to start"):format(bpf._VERSION, _VERSION))
    if not lines.readline then
      print("(the module readline, of the package lua-readline, would give editing and completion)")
    end
  end
  if path then
    local fn, problem = loadfile(path, "bt", environment)
    if fn then
      run(fn)
    else
      complain(problem)
    end
  end
  while bpf.until_interrupted(session, lines, environment) do
    print("^C") -- before the cursor goes back to the line's beginning
    io.stdout:flush()
    lines:abandon()
  end
  if lines.is_terminal then
    print()
  end
end

return repl
