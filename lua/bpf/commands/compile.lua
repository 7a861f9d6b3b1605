-- The command `luabpf compile`: writes the object of a program, for other kernels as well. Of a
-- script it takes the first BPF{…}: the script runs up to there, for only so far its text is known.

local argparse = require "argparse"
local bpf = require "bpf"

local parser = argparse("luabpf compile", "Write the BPF object of a program. Accesses to the "
  .. "kernel's structures are set right where it is loaded, by BPF{obj = \"FILE.o\"}; no clang is "
  .. "needed there.")
parser:argument("file", "C program, or a script: that runs up to its first BPF{…}, whose program "
  .. "is written.")
parser:argument("args", "Arguments for the script; put -- before them."):args("*")
parser:option("-o --output", "Where to write it (default: FILE.o in this folder).")
parser:option("-D --define", "Define a macro, as NAME or NAME=VALUE."):count("*")
parser:option("--arch", "For another architecture: x86-64 or arm64.")
parser:flag("--this-kernel", "For this kernel only: fewer instructions, and all that it can do.")
local options = parser:parse()

local function fail(message)
  io.stderr:write("luabpf compile: ", message, "\n")
  os.exit(1, true)
end

-- An error without the line of this file or of the script.
local function words(e)
  local text = tostring(e)
  local position = type(e) ~= "string" and e.position or ""
  return text:sub(1, #position) == position and text:sub(#position + 1) or text
end

local output = options.output or options.file:match("([^/]*)$"):gsub("%.%w+$", "") .. ".o"

local function write(object)
  local file, reason = io.open(output, "wb")
  local written = file and file:write(object) and file:close()
  if not written then
    os.remove(output)
    fail("cannot write " .. (reason or output .. ": no room"))
  end
end

local function compile(source)
  source.arch = options.arch
  source.portable = not options.this_kernel
  source.cflags = table.move(source.cflags or {}, 1, #(source.cflags or {}), 1, {})
  for _, definition in ipairs(options.define) do
    table.insert(source.cflags, "-D" .. definition)
  end
  local object, notes = bpf.compile(source)
  write(object)
  for note in notes:gmatch("[^\n]+") do
    io.stderr:write("luabpf compile: note: ", note, "\n")
  end
end

-- What stands for BPF while the script runs; it never returns.
local function construct(_, given)
  if type(given) == "string" then
    given = { text = given }
  end
  if given.obj then
    fail(options.file .. " loads a ready object; there is nothing to compile")
  elseif given.usdt_contexts and #given.usdt_contexts > 0 then
    fail(options.file .. " reads arguments of static probes, whose places in this machine's "
      .. "programs would be in the object; run it as a script instead")
  end
  local good, e = pcall(compile, { text = given.text, src_file = given.src_file,
    cflags = given.cflags })
  if not good then
    fail(words(e))
  end
  os.exit(0, true)
end

if options.file:find("%.lua$") then
  local script, reason = loadfile(options.file)
  if not script then
    fail(reason)
  end
  getmetatable(bpf.BPF).__call = construct
  package.loaded.argparse = nil -- it took the arguments when it was loaded
  rawset(_G, "arg", table.move(options.args, 1, #options.args, 1, { [0] = options.file }))
  local good, e = pcall(script, table.unpack(options.args))
  fail(good and options.file .. " ended without BPF{…}" or words(e))
elseif #options.args > 0 then
  fail("a C program takes no arguments: " .. table.concat(options.args, " "))
else
  local good, e = pcall(compile, { src_file = options.file })
  if not good then
    fail(words(e))
  end
end
