-- make.lua SCRIPT.lua…: writes the manual page luabpf-SCRIPT.1 of each script into the folder
-- $MANUAL, from the script's own help and from what its first comment says.

local script_help = require "bpf.script_help"

local folder = assert(os.getenv("MANUAL"), "MANUAL names no folder")

local function roff(text)
  local escaped = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (("\n" .. escaped):gsub("\n([.'])", "\n\\&%1"):sub(2))
end

-- The line about the script, and the text that follows it.
local function read_comment(path)
  local file = assert(io.open(path))
  local summary = (file:read("l") or ""):match("^%-%- *[^:]*: *(.*)$") or ""
  local text = {}
  for line in file:lines() do
    local content = line:match("^%-%- ?(.*)$")
    if not content then
      break
    end
    text[#text + 1] = content
  end
  file:close()
  return summary, (table.concat(text, "\n"):gsub("^\n+", ""))
end

-- Sections of an argparse help: its description, and lists of "   -o, --option   text".
local function add_help(page, help)
  -- An option with an argument takes two lines: "       -n <n>,   text" and "   --name <n>".
  help = help:gsub("\n +(%-%a [^\n]-,)  +([^\n]-)\n   (%-%-[^\n]*)", "\n   %1 %3   %2")
  for line in help:gmatch("([^\n]*)\n?") do
    local title = line:match("^(%u%a*):$")
    local option, text = line:match("^   (%S.-)  +(%S.*)$")
    option = option or line:match("^   (%S.*)$")
    if title then
      page[#page + 1] = ".SH " .. title:upper()
    elseif option then
      page[#page + 1] = (".TP\n.B %s\n%s"):format(roff(option), roff(text or ""))
    elseif line:find("%S") then
      page[#page + 1] = roff(line:match("%S.*"))
    end
  end
end

local function usage_of(help)
  return (help:match("^Usage: (.-)\n\n") or ""):gsub("%s+", " ")
end

for _, path in ipairs(arg) do
  local name = path:match("([^/]+)%.lua$")
  local summary, text = read_comment(path)
  local help = script_help(path)
  local page = {
    (".TH LUABPF\\-%s 1 \"\" \"luabpf\" \"luabpf\""):format(roff(name:upper())),
    (".SH NAME\nluabpf\\-%s \\- %s"):format(roff(name), roff(summary)),
    (".SH SYNOPSIS\n.B luabpf\n%s"):format(roff(help and usage_of(help) or name)),
    ".SH DESCRIPTION",
  }
  if help then
    add_help(page, help:gsub("^Usage:.-\n\n", ""))
  end
  if text ~= "" then
    page[#page + 1] = ".SH NOTES\n.nf\n" .. roff(text) .. "\n.fi"
  end
  page[#page + 1] = ".SH SEE ALSO\n.BR luabpf (1)\n"
  local file = assert(io.open(("%s/luabpf-%s.1"):format(folder, name), "w"))
  file:write(table.concat(page, "\n"))
  file:close()
end
