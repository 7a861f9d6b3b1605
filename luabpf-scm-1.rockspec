rockspec_format = "3.0"
package = "luabpf"
version = "scm-1"
source = {
  url = "git+file://.", -- build from a checkout: luarocks make
}
description = {
  summary = "Tracing Linux from Lua",
  detailed = [[
    What BCC gives to Python scripts, for Lua 5.4: a script holds a C program as a string, luabpf
    compiles it, loads it into the running kernel, attaches it to probes, and hands maps and events
    back as Lua values.]],
  license = "Apache-2.0",
}
supported_platforms = { "linux" }
dependencies = {
  "lua ~> 5.4",
  "argparse >= 0.7", -- the scripts
  "dkjson >= 2.5", -- what they write with --json
}
external_dependencies = {
  LIBBPF = { header = "bpf/libbpf.h" },
  LIBELF = { header = "libelf.h" },
}
build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "RelWithDebInfo",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    CMAKE_INSTALL_BINDIR = "bin",
    LUABPF_MODULE_DIR = "$(LIBDIR)",
    LUABPF_LUA_DIR = "$(LUADIR)",
  },
}
