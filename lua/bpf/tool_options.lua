-- The options that tools share, for tool.lua.
--
-- A wrong option or value ends a tool with one line that says so, and status 2.

local argparse = require "argparse"
local bpf = require "bpf"

local tool_options = {}

--- Converters for options; what they do not take is told to the user.
---@param text string
function tool_options.whole(text)
  local number = math.tointeger(text)
  if number and number >= 0 then return number end
  return nil, ("'%s' is no whole number"):format(text)
end

--- A converter for whole numbers from low to high.
---@param low integer
---@param high integer
function tool_options.range(low, high)
  return function(text)
    local number = math.tointeger(text)
    if number and number >= low and number <= high then return number end
    return nil, ("'%s' is no whole number from %d to %d"):format(text, low, high)
  end
end

function tool_options.number(text)
  local number = tonumber(text)
  if number and number >= 0 then return number end
  return nil, ("'%s' is no number"):format(text)
end

--- Pages of a buffer.
function tool_options.pages(text)
  local number = math.tointeger(text)
  if number and number > 0 and number <= 65536 and number & number - 1 == 0 then return number end
  return nil, ("'%s' is no power of two up to 65536"):format(text)
end

--- A file that can be written.
function tool_options.output(path)
  local file, why = io.open(path, "a")
  if file then file:close() end
  return file and path, why
end

--- A regular expression, which becomes a function that tells whether a text has a match.
function tool_options.regex(text)
  local good, matches = pcall(bpf.regex, text)
  if good then return matches end
  return nil, (matches:gsub("^[^:]*:%d+: ", ""))
end

local function list(text, last, kind)
  local numbers = {}
  for word in (text .. ","):gmatch("([^,]*),") do
    local number = math.tointeger(word)
    if not number or number < 0 or number > last then
      return nil, ("'%s' is no %s"):format(word, kind)
    end
    numbers[#numbers + 1] = number
  end
  return numbers
end

--- A list, as 80,443.
function tool_options.ports(text)
  return list(text, 65535, "port")
end

--- A list of processes or threads, as 181,185.
function tool_options.ids(text)
  return list(text, 0x7fffffff, "id of a process or thread")
end

--- A user's number or name.
function tool_options.user(text)
  local number = math.tointeger(text)
  if not number then
    local pipe <close> = io.popen(("id -u -- '%s' 2> /dev/null"):format(text:gsub("'", "'\\''")))
    number = pipe:read("n")
  end
  return number, ("there is no user '%s'"):format(text)
end

local function name(text)
  if text ~= "" and #text < 16 then return text end
  return nil, "a process's name has 1 to 15 bytes"
end

local function run(options, _, text)
  options.command = bpf.spawn(text)
end

local function run_and_choose(options, ...)
  run(options, ...)
  options.pid = options.command:pid()
end

local function add_command(parser, names)
  parser:option(names, "Run this command, and end with it."):argname("<text>"):action(run)
end

local function add_process(parser, command, several, by_regex)
  parser:mutex(
    several and parser:option("-p --pid", "Only these processes, as 181,185.")
      :convert(tool_options.ids)
    or parser:option("-p --pid", "Only this process."):convert(tool_options.whole),
    parser:option(command, "Run this command, trace only it, and end with it."):argname("<text>")
      :action(run_and_choose))
  if by_regex then
    parser:option("-n --name", "Only programs whose name this regular expression matches.")
      :argname("<regex>"):convert(tool_options.regex)
  else
    parser:option("-n --name", "Only processes with this text in their name."):argname("<text>")
      :convert(name)
  end
  parser:option("--cgroup", "Only processes in this cgroup (v2), and those below it.")
    :argname("<path>")
  parser:option("--cgroupmap", "Only processes whose cgroup is in this pinned map.")
    :argname("<path>")
  parser:option("--mntnsmap", "Only processes whose mount namespace is in this pinned map.")
    :argname("<path>")
end

local function add_interval(parser, default)
  local interval = parser:argument("interval", "Report each so many seconds"
    .. (default and "." or ", not only at the end.")):convert(tool_options.number)
  if default then interval:default(default) else interval:args("?") end -- "?" knows no default
  parser:argument("count", "End after so many reports."):args("?"):convert(tool_options.whole)
end

local shared = {
  process = function(parser) add_process(parser, "-c --command") end,
  process_long_command = function(parser) add_process(parser, "--command") end,
  process_by_regex = function(parser) add_process(parser, "-c --command", false, true) end,
  processes = function(parser) add_process(parser, "-c --command", true) end,
  processes_long_command = function(parser) add_process(parser, "--command", true) end,
  command = function(parser) add_command(parser, "-c --command") end,
  long_command = function(parser) add_command(parser, "--command") end,
  time = function(parser)
    parser:flag("-T --time", "Show the time of day.")
    parser:flag("-t --timestamp", "Show the seconds since the first line.")
  end,
  interval = function(parser) add_interval(parser) end,
  every = function(parser) add_interval(parser, "1") end,
  family = function(parser)
    parser:mutex(
      parser:flag("-4 --ipv4", "Only IPv4."),
      parser:flag("-6 --ipv6", "Only IPv6."))
  end,
}

--- An argparse parser that knows --duration, --json, --debug, and what is named by words: process
--- (-p, -n, -c CMD, cgroups), process_long_command (the same where -c means something else),
--- processes or processes_long_command (where -p takes a list), process_by_regex (where -n takes a
--- regular expression), command or long_command (alone, for what belongs to no process), time (-T,
--- -t), family (-4, -6), interval (the arguments interval and count), every (the same with an
--- interval of one second).
---@param tool_name string
---@param text string one sentence
---@param words? string
function tool_options.parser(tool_name, text, words)
  local parser = argparse(tool_name, text):help_description_margin(30)
  for word in (words or ""):gmatch("%S+") do shared[word](parser) end
  parser:option("-d --duration", "End after so many seconds."):argname("<s>")
    :convert(tool_options.number)
  parser:flag("-j --json", "One JSON object for each line.")
  parser:flag("--debug", "Show the C program first, on standard error.")
  -- Long names with underscores, as BCC's tools have some, mean the same.
  local parse = parser.parse
  function parser.parse(self, given)
    local plain = {}
    for i, word in ipairs(given or arg) do
      plain[i] = word:gsub("^%-%-[%w_]+", function(option) return option:gsub("_", "-") end)
    end
    return parse(self, plain)
  end
  function parser.error(_, message)
    message = message:gsub("\n", ". "):gsub("%?$", "")
    io.stderr:write(("%s: %s; luabpf %s --help shows the options\n"):format(
      tool_name, message, tool_name))
    os.exit(2, true)
  end
  return parser
end

return tool_options
