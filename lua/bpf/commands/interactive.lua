-- The command `luabpf -i [FILE.lua]`: a session in which what is typed runs at once.

local path = arg[1]
if path == "-h" or path == "--help" or arg[2] then
  print("usage: luabpf -i [FILE.lua]\n\nRun FILE.lua, then what is typed. help() tells more.")
  os.exit(arg[2] and 2 or 0)
end
require "bpf.repl".run(path)
