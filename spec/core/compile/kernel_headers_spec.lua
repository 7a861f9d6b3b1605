-- BPF{headers=}: types and macros out of the kernel's own headers.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

-- A kernel of a few lines, which needs the machine's assembly as the real one does.
local HEADERS <const> = {
  ["include/generated/autoconf.h"] = "#define CONFIG_ODD 1\n",
  ["include/linux/kconfig.h"] = "#include <generated/autoconf.h>\n",
  ["include/linux/compiler_types.h"] = "#define noinline __attribute__((__noinline__))\n",
  ["include/linux/types.h"] = [[
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32;
typedef unsigned long long u64;
]],
  ["include/linux/ptrace.h"] = "struct pt_regs { unsigned long di, ip; };\n",
  ["include/linux/version.h"] = "#define LINUX_VERSION_CODE 66051\n",
  ["include/uapi/linux/bpf.h"] = "enum bpf_odd { BPF_ODD = 7 };\n",
  ["include/uapi/linux/bpf_perf_event.h"] = "",
  ["include/linux/odd.h"] = [[
#ifndef ODD_H
#define ODD_H
#define ODD_BYTES (4 + CONFIG_ODD)
#define odd_twice(x) odd_twice((x) * 2)
register unsigned long odd_stack asm("rsp");
asm(".globl odd\n(");
extern int odd_name(void) __asm__("other_name");
struct task_struct { u32 first; struct task_struct *next; char name[ODD_BYTES]; u16 last; };
#pragma pack(push, 1)
struct odd_packed { u8 one; u64 nine; };
#pragma pack(pop)
static inline u64 (odd_twice)(u64 x)
{
  register u64 y = x;
  if (x)
    asm volatile goto ("jmp %l[out]; # ) \" (" : : "a" (x) : "cc" : out);
  __asm__ __volatile__("lock; incq %%gs:%0" : "=@ccs" (y), "+m" (x));
out:
  return x;
}
#endif
]],
}

local function write(path, text)
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

local function write_kernel()
  local folder <const> = os.tmpname()
  os.remove(folder)
  for name, text in pairs(HEADERS) do
    local path <const> = folder .. "/" .. name
    assert(os.execute("mkdir -p " .. path:match "^(.*)/"))
    write(path, text)
  end
  return folder
end

describe("kernel headers of one's own #any_kernel", function()
  local folder

  setup(function() folder = write_kernel() end)
  teardown(function() os.execute("rm -r " .. folder) end)

  it("give types, macros and functions", function()
    local b <close> = bpf.BPF{headers = folder, text = [[
#include <linux/odd.h>
#if LINUX_VERSION_CODE != 66051 || !defined(CONFIG_ODD)
#error the version is not theirs
#endif
struct sizes { char task[sizeof(struct task_struct)], packed[sizeof(struct odd_packed)]; };
BPF_HASH(sizes, u32, struct sizes);
BPF_HASH(tasks, u32, struct task_struct);
BPF_PERF_OUTPUT(events);
static noinline u64 add(u64 x) { return x + BPF_ODD; }
int probe(struct pt_regs *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task();
  u32 key = task->next->last;
  struct odd_packed event = {.nine = odd_twice(add(key))};
  tasks.delete(&key);
  events.perf_submit(ctx, &event, sizeof event);
  return 0;
}]]}
    assert.equal(24 + 9, b.sizes.leaf_size)
    b:load_func("probe", bpf.BPF.KPROBE)
    b.tasks[1] = {first = 2, name = "odd", last = 3}
    assert.equal(3, b.tasks[1].last)
  end)

  it("are named when one of them is missing", function()
    local e <const> = refusal.of(function()
      bpf.BPF{headers = folder, text = "#include <linux/odder.h>\nint f(void *c) { return 0; }"}
    end)
    assert.equal("'linux/odder.h' file not found", e.message)
    assert.equal("text.c:1", e.where)
    assert.truthy(e.hint:find("kernel headers come from the folder of 'headers'", 1, true))
  end)

  it("are asked for where a type is missing", function()
    local e <const> = refusal.of(function()
      bpf.BPF{headers = folder, text = "int f(void *c) { return ((struct request *)c)->tag; }"}
    end)
    assert.truthy(e.hint:find("include the kernel header that defines it", 1, true))
  end)

  it("have to be there, and to be one kernel's", function()
    local text <const> = "int f(void *c) { return 0; }"
    local e = refusal.of(function() bpf.BPF{text = text, headers = folder .. "/include"} end)
    assert.equal("there are no kernel headers in '" .. folder .. "/include'", e.message)
    assert.truthy(e.hint:find("include/generated/autoconf.h", 1, true))
    e = refusal.of(function() bpf.compile{text = text, headers = folder, portable = true} end)
    assert.equal("a portable object can't be made with kernel headers", e.message)
  end)
end)

describe("the running kernel's headers #any_kernel", function()
  local folder, release
  setup(function()
    release = io.open("/proc/sys/kernel/osrelease"):read "l"
    folder = write_kernel()
    os.execute(("mkdir -p %s/modules/%s %s/sys"):format(folder, release, folder))
    os.execute(("ln -s %s %s/modules/%s/mine"):format(folder, folder, release))
    write(folder .. "/sys/kheaders.tar.xz", "")
  end)
  teardown(function() os.execute("rm -r " .. folder) end)

  -- What a program gets with these modules, variables, and a folder mounted.
  local function compile(before, mount)
    local mounts <const> = "mount --bind %s/modules /lib/modules && %s && exec \"$@\""
    local status <const>, out <const>, errors <const> = script.run([==[
local ok, e = pcall(require "bpf".compile, {headers = true,
  text = "#include <linux/odd.h>\nint f(void *c) { return sizeof(struct odd_packed); }"})
print(ok or e.message, ok or e.hint)]==], ("env LUABPF_CACHE= %s unshare -m sh -c '%s' sh"):format(
      before, mounts:format(folder, mount or "true")))
    assert.same({0, ""}, {status, errors})
    return out
  end

  it("are found by BCC's variables, and otherwise asked for", function()
    if not os.execute("unshare -m test -d /lib/modules 2> /dev/null") then
      return pending("needs unshare -m and /lib/modules")
    end
    assert.equal("true\ttrue\n", compile("BCC_KERNEL_SOURCE=" .. folder))
    assert.equal("true\ttrue\n", compile("BCC_KERNEL_MODULES_SUFFIX=mine"))
    local message <const> =
      ("there are no kernel headers in '/lib/modules/%s/build'\t"):format(release)
    local out <const> = compile("")
    assert.equal(message, out:sub(1, #message))
    assert.truthy(out:find("apt install linux-headers-", 1, true), out)
    local carried <const> = compile("", ("mount --bind %s/sys /sys/kernel"):format(folder))
    assert.equal(message, carried:sub(1, #message))
    assert.truthy(carried:find("unpack /sys/kernel/kheaders.tar.xz (tar -xf)", 1, true), carried)
  end)
end)

describe("a program with kernel headers #any_kernel", function()
  -- Prints the size of a structure of theirs. The program is not found in this text, whose file has
  -- another name each time.
  local text <const> = [==[
local program = ("#include <linux/odd.h>\nBPF_ARRAY(odd, struct odd_packed, @);"):gsub("@", "1")
local b <close> = require "bpf".BPF{headers = %q, text = program}
print(b.odd.leaf_size)]==]
  local folder, count

  before_each(function()
    folder = write_kernel()
    write(folder .. "/runs", "")
    write(folder .. "/clang", ([[
#!/bin/sh
echo run >> %s/runs
exec %s "$@"]]):format(folder, bpf.toolchain().clang))
    os.execute("chmod +x " .. folder .. "/clang")
    count = 0
  end)
  after_each(function() os.execute("rm -r " .. folder) end)

  -- The size, and how often clang was run. Of a file that was changed just now it can't be told
  -- whether that was before it was read, so nothing is kept then.
  local function run()
    bpf.sleep(0.05)
    local status <const>, out <const>, errors <const> = script.run(text:format(folder),
      ("env LUABPF_CACHE=%s/cache LUABPF_CLANG=%s/clang"):format(folder, folder))
    assert.same({0, ""}, {status, errors})
    local before <const> = count
    count = 0
    for _ in io.lines(folder .. "/runs") do count = count + 1 end
    return tonumber(out), count - before
  end

  it("is compiled once", function()
    assert.same({9, 2}, {run()}) -- the headers, the program
    assert.same({9, 0}, {run()})
  end)

  it("is compiled again when one of them is changed", function()
    run()
    -- as long as it was, and said to be as old
    os.execute(([[cd %s/include/linux && cp -p odd.h old &&
      sed -i 's/u8 one;/u16 on;/' odd.h && touch -r old odd.h && rm old]]):format(folder))
    assert.same({10, 2}, {run()})
    assert.same({10, 0}, {run()})
  end)

  it("is compiled again when another takes the place of one", function()
    run()
    os.execute(([[cd %s && mkdir -p arch && for machine in x86 arm64; do
      mkdir -p arch/$machine/include/linux &&
      echo 'struct odd_packed { char bytes[3]; };' > arch/$machine/include/linux/odd.h
      done]]):format(folder))
    assert.same({3, 2}, {run()})
    assert.same({3, 0}, {run()})
  end)
end)

describe("installed kernel headers #any_kernel", function()
  local pipe <const> = assert(io.popen("ls -d /lib/modules/*/build 2> /dev/null"))
  local build <const> = pipe:read "l"
  pipe:close()

  it("serve a tool", function()
    if not build then return pending("needs kernel headers in /lib/modules/*/build") end
    local b <close> = bpf.BPF{headers = build, auto_attach = false, text = [[
#include <linux/sched.h>
#include <linux/fs.h>
#include <net/inet_sock.h>
#include <bcc/proto.h>
struct event { u32 pid, address; char name[TASK_COMM_LEN]; };
BPF_HASH(parents, u32, u64);
BPF_PERF_OUTPUT(events);
int count(struct pt_regs *ctx) {
  struct task_struct *t = (void *)bpf_get_current_task();
  u32 k = t->real_parent->tgid;
  parents.increment(k);
  return 0;
}
int connect(struct pt_regs *ctx, struct sock *sk) {
  struct event event = {.address = inet_sk(sk)->inet_saddr};
  event.pid = bpf_get_current_pid_tgid() >> 32;
  bpf_get_current_comm(&event.name, sizeof event.name);
  events.perf_submit(ctx, &event, sizeof event);
  return 0;
}
int is_regular(struct pt_regs *ctx, struct file *file) {
  return S_ISREG(file_inode(file)->i_mode);
}]]}
    for _, name in ipairs{"count", "connect", "is_regular"} do
      assert.truthy(b:load_func(name, bpf.BPF.KPROBE))
    end
  end)
end)
