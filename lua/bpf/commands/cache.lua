-- The command `luabpf cache`: shows the cache of compiled programs, or clears it.

local core = require "bpf.core"

local option = arg and arg[1]
local cache = core.cache()

if option == "--clear" and not arg[2] then
  print(("removed %d programs"):format(core.clear_cache()))
elseif option then
  io.stderr:write("usage: luabpf cache [--clear]\n")
  os.exit(2)
elseif not cache.folder then
  print("the cache is off")
else
  print(("folder   %s"):format(cache.folder))
  print(("programs %d"):format(cache.entries))
  print(("size     %.1f of %d MB"):format(cache.bytes / 2 ^ 20, cache.limit // 2 ^ 20))
end
