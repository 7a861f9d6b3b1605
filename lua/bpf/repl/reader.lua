-- Reads lines from a person while events arrive. With the module readline, on a terminal, they can
-- be edited, completed and recalled; else they are read as they come.

local bpf = require "bpf"
local history = require "bpf.repl.history"

local reader = {}
reader.__index = reader

local standard_input <const> = 0

--- A reader. Callbacks: sources() gives what is waited for beside the keyboard, on_event(source) is
-- called when one is ready, candidates(line, from, to) completes.
function reader.new(callbacks)
  local self = setmetatable({ callbacks = callbacks }, reader)
  self.is_terminal = os.execute("test -t 0") == true
  local found, readline = pcall(require, "readline")
  if self.is_terminal and found then
    self.readline = readline
    self.history = history.open()
    readline.set_readline_name("luabpf")
    readline.set_options { histfile = self.history.path or "", auto_add = false }
    readline.set_completion_append_character("")
    readline.set_complete_function(function(line, from, to)
      local done, list = pcall(callbacks.candidates, line, from, to)
      return done and list or {}
    end)
  else
    io.stdin:setvbuf("no") -- so that nothing waits in a buffer that no poll sees
  end
  return self
end

-- Waits for the keyboard, then calls on_key; events are handled until is_done.
local function wait_for_keys(self, on_key, is_done)
  while not is_done() do
    local sources = self.callbacks.sources()
    table.insert(sources, 1, standard_input)
    for _, source in ipairs(bpf.wait(sources)) do
      if source == standard_input then
        on_key()
      elseif not is_done() then -- readline has a terminal to write to only until then
        bpf.prompt.hide()
        self.callbacks.on_event(source)
        io.stdout:flush()
        bpf.prompt.show()
      end
    end
  end
end

local function edit(self, prompt)
  local readline = self.readline
  local is_done, result = false, nil
  readline.handler_install(prompt, function(line)
    readline.handler_remove()
    is_done, result = true, line
  end)
  self.is_editing = true
  wait_for_keys(self, readline.read_char, function() return is_done end)
  self.is_editing = false
  if result and self.history:add(result) then
    readline.add_history(result)
  end
  return result
end

local function read_plainly(self, prompt)
  local is_done, result = false, nil
  if self.is_terminal then
    io.write(prompt)
    io.flush()
  end
  wait_for_keys(self, function()
    is_done, result = true, io.read("l")
  end, function() return is_done end)
  return result
end

--- The next line, or nil at the end.
function reader:line(prompt)
  if self.readline then
    return edit(self, prompt)
  end
  return read_plainly(self, prompt)
end

--- Forgets a line that was begun, after an interruption.
function reader:abandon()
  if self.is_editing then
    bpf.prompt.abandon()
    self.readline.handler_remove()
    self.is_editing = false
  end
end

return reader
