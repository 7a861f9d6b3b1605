-- The lines that were typed, kept from session to session, readable for their owner only.

local history = {}
history.__index = history

local line_limit = 1000

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function state_folder()
  local folder = os.getenv("XDG_STATE_HOME")
  if not folder or folder:sub(1, 1) ~= "/" then
    local home = os.getenv("HOME")
    folder = home and home ~= "" and home .. "/.local/state"
  end
  return folder and folder .. "/luabpf"
end

-- Whether there is a file at the path now that only its owner can read.
local function prepare(folder, path)
  local command = "umask 077; { mkdir -p %s && : >> %s && chmod 600 %s; } 2>/dev/null"
  return os.execute(command:format(quote(folder), quote(path), quote(path)))
end

--- Opens the history: {path =, lines =}. Without a place for it there is no path.
function history.open()
  local folder = state_folder()
  local self = setmetatable({ lines = {} }, history)
  local path = folder and folder .. "/history"
  if not path or not prepare(folder, path) then
    return self
  end
  self.path = path
  for line in io.lines(path) do
    self.lines[#self.lines + 1] = line
  end
  if #self.lines > line_limit then
    self.lines = table.move(self.lines, #self.lines - line_limit + 1, #self.lines, 1, {})
    local file = io.open(path, "w")
    if file then
      file:write(table.concat(self.lines, "\n"), "\n")
      file:close()
    end
  end
  return self
end

--- Keeps a line; whether it is another one than the last.
function history:add(line)
  if line:find("^%s*$") or line == self.lines[#self.lines] then
    return false
  end
  self.lines[#self.lines + 1] = line
  local file = self.path and io.open(self.path, "a")
  if file then
    file:write(line, "\n")
    file:close()
  end
  return true
end

return history
