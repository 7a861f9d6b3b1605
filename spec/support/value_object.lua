-- Ready objects for specs that must not depend on our own compiler: C in libbpf's plain style,
-- compiled by clang alone.

local object = {}

local prologue = [[
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64;
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name
#define SEC(name) __attribute__((section(name), used))
enum { HASH = 1, ARRAY = 2, PERF_EVENT_ARRAY = 4, PERCPU_HASH = 5, PERCPU_ARRAY = 6,
       STACK_TRACE = 7, RINGBUF = 27 };
char object_license[] SEC("license") = "GPL";
#line 1
]]

--- Compiles text and returns the path of the object, which the caller removes.
function object.compile(text)
  local path = os.tmpname()
  local command = "LD_PRELOAD= $(command -v clang-19 || echo clang) -target bpf -O2 -g -x c -c -o "
    .. path .. " -"
  local pipe = assert(io.popen(command, "w"))
  pipe:write(prologue, text)
  assert(pipe:close(), "the object does not compile")
  return path
end

return object
