-- More Lua states: forked children, and others in this process (states.c).
local build <const> = require "spec.support.build"

local path <const> = build.program("states.so", "-shared -fPIC $(pkg-config --cflags lua5.4)",
  "states.c")
return assert(package.loadlib(path, "luaopen_states"))()
