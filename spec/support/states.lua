-- More Lua states: forked children, and others in this process (states.c, built once).
local folder <const> = (os.getenv("LUABPF_BUILD") or "build/release") .. "/spec"
local source <const>, path <const> = "spec/support/states.c", folder .. "/states.so"

local command <const> = "mkdir -p %s && { [ %s -nt %s ] || "
  .. "cc -shared -fPIC -O1 $(pkg-config --cflags lua5.4) -o %s %s; }"
assert(os.execute(command:format(folder, path, source, path, source)), "the module does not build")
return assert(package.loadlib(path, "luaopen_states"))()
