-- What programs learn of the kernel: types of modules, renamed members, options, its version.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

local B <const> = bpf.BPF

-- Types of two modules, in a folder that stands on /sys/kernel/btf for one script.
local function with_modules(text)
  local folder <const> = os.tmpname()
  os.remove(folder)
  local command <const> = [[mkdir @ && cp /sys/kernel/btf/vmlinux @ &&
    cc -o @/write spec/support/module_btf.c -lbpf && @/write @ && rm @/write]]
  assert(os.execute((command:gsub("@", folder))))
  local status <const>, out <const>, errors <const> = script.run(text,
    ("unshare -m sh -c 'mount --bind %s /sys/kernel/btf && exec \"$@\"' sh"):format(folder))
  os.execute("rm -r " .. folder)
  assert.equal("", errors)
  assert.equal(0, status)
  return out
end

describe("types of modules", function()
  if not os.execute("unshare -m true 2> /dev/null") then
    return it("are found", function() pending("needs unshare -m") end)
  end

  it("are found when the kernel proper lacks them", function()
    assert.equal("all\n", with_modules([==[
local bpf = require "bpf"
local b = bpf.BPF{text = [[
BPF_ARRAY(sizes, u32, 4);
int probe(struct pt_regs *ctx, struct luabpf_first *a, struct luabpf_second *b) {
  u32 zero = 0, one = 1, size = sizeof *a + sizeof *a->part + sizeof *b + sizeof *b->part;
  sizes.update(&zero, &size);
  size = a->task->pid + b->task->tgid + a->part->high_of_first + b->part->high_of_second;
  size += a->inside + b->part->low;
  sizes.update(&one, &size);
  return 0;
}]]}
b:load_func("probe", bpf.BPF.KPROBE)
local has = bpf.BPF.kernel_struct_has_field
assert(has("luabpf_second", "inside") == 1)
assert(has("luabpf_second_part", "high_of_second") == 1)
assert(has("luabpf_second_part", "high_of_first") == 0)
assert(has("luabpf_third", "inside") == -1)
print("all")
]==]))
  end)

  it("are one type where several modules have it, and several where they differ", function()
    assert.equal("all\n", with_modules([==[
local bpf = require "bpf"
bpf.BPF{text = [[
int probe(struct pt_regs *ctx, struct luabpf_first *a, struct luabpf_second *b,
          struct luabpf_common *c) {
  struct luabpf_common *first = &a->common, *second = &b->common;
  return (c ?: first)->both + second->both + a->other.only_first + b->other.only_second;
}]], cflags = {"-Werror"}}:load_func("probe", bpf.BPF.KPROBE)
print("all")
]==]))
  end)

  it("are offered when a member's name is wrong", function()
    local out <const> = with_modules([==[
print(select(2, pcall(require "bpf".BPF, {text = [[
int probe(struct pt_regs *ctx, struct luabpf_first *a) { return a->part->hihg_of_first; }
]]})))]==])
    assert.truthy(out:find("high_of_first", 1, true), out)
  end)

  it("of a module that is loaded here are found", function()
    local module <const> = io.open("/sys/kernel/btf/overlay")
    if module then module:close() end
    if not module or B.kernel_struct_has_field("ovl_fs", "config") < 0 then
      return pending("needs the module overlay")
    end
    local b <close> = bpf.BPF{text = [[
int probe(struct pt_regs *ctx, struct ovl_fs *fs) { return fs->config.upperdir[0]; }]]}
    b:load_func("probe", B.KPROBE)
  end)
end)

describe("questions to the kernel's types", function()
  it("are answered with 1, 0 and -1", function()
    assert.equal(1, B.kernel_struct_has_field("task_struct", "pid"))
    assert.equal(0, B.kernel_struct_has_field("task_struct", "pidd"))
    assert.equal(-1, B.kernel_struct_has_field("task_strukt", "pid"))
    assert.equal(1, B.kernel_enum_has_val("bpf_attach_type", "BPF_TRACE_FENTRY"))
    assert.equal(0, B.kernel_enum_has_val("bpf_attach_type", "BPF_TRACE_NOTHING"))
    assert.equal(-1, B.kernel_enum_has_val("bpf_no_such_type", "BPF_TRACE_FENTRY"))
    assert.equal(1, B.kernel_enum_has_val("", "BPF_ANY"))
    assert.equal(0, B.kernel_enum_has_val("", "BPF_ANYTHING"))
  end)

  it("look into members without a name", function()
    assert.equal(1, B.kernel_struct_has_field("page", "mapping"))
    assert.equal(1, B.kernel_struct_has_field("sk_buff", "dev"))
  end)

  it("are methods of an object too", function()
    local b <close> = bpf.BPF{text = "int probe(void *ctx) { return 0; }"}
    assert.equal(1, b:kernel_struct_has_field("task_struct", "tgid"))
    assert.equal(1, b:kernel_enum_has_val("bpf_map_type", "BPF_MAP_TYPE_HASH"))
    assert.equal("boolean", type(b.support_kfunc()))
  end)

  it("tell what kinds of programs there are", function()
    assert.equal(bpf.features().fentry.available, B.support_kfunc())
    assert.equal(bpf.features().lsm.available, B.support_lsm())
    assert.is_true(B.support_kfunc() or not B.support_lsm())
    assert.is_true(B.ksymname("bpf_lsm_bpf") ~= nil or not B.support_lsm())
    assert.equal(B.support_kfunc(), B.support_fmod_ret())
    assert.is_true(B.support_raw_tracepoint())
    assert.equal(B.ksymname("bpf_trace_modules") ~= nil, B.support_raw_tracepoint_in_module())
  end)

  it("want two strings", function()
    assert.has_error(function() B.kernel_struct_has_field("task_struct") end)
    assert.has_error(function() B.kernel_enum_has_val() end)
    assert.has_error(function() B.generate_auto_includes("time") end)
  end)
end)

describe("generate_auto_includes", function()
  it("gives the headers for words, each once", function()
    assert.equal("", B.generate_auto_includes{})
    assert.equal("", B.generate_auto_includes{"pid"})
    assert.equal("#include <linux/time.h>\n#include <linux/slab.h>\n",
      B.generate_auto_includes{"kmalloc", "timespec", "time"})
    assert.equal("#include <linux/fs.h>\n#include <linux/blkdev.h>\n#include <linux/netdevice.h>\n",
      B.generate_auto_includes{"file", "bio", "struct sk_buff", "net_device"})
  end)
end)

describe("a member that this kernel has under another name", function()
  local function refused(member)
    return refusal.of(function()
      bpf.BPF{text = "int probe(struct pt_regs *ctx, struct task_struct *task) {\n"
        .. "  return task->" .. member .. " != 0;\n}"}
    end)
  end

  it("is named, also where another is spelled more alike", function()
    if B.kernel_struct_has_field("task_struct", "__state") ~= 1 then
      return pending("needs Linux 5.14")
    end
    assert.equal("in the running kernel struct task_struct has it as '__state'",
      refused("state").hint)
    assert.truthy(refused("cpus_allowed").hint:find("'cpus_mask'", 1, true))
    assert.truthy(refused("real_start_time").hint:find("'start_boottime'", 1, true))
  end)

  it("is guessed when it is nearly right", function()
    local e <const> = refused("real_parnt")
    assert.truthy((e.message .. (e.hint or "")):find("'real_parent'", 1, true), tostring(e))
    assert.truthy(refused("no_such_member_at_all").hint:find("no such member", 1, true))
  end)
end)

-- The value that the expression has in a program, by way of an array's size.
local function value_of(expression, before)
  local text <const> = "#include <linux/kernel.h>\n%s\nBPF_ARRAY(sized, u32, 1 + (%s));\n"
  local b <close> = bpf.BPF{text = text:format(before or "", expression)}
  return b.sized.max_entries - 1
end

describe("CONFIG_ options", function()
  local pipe <const> = io.popen(
    "zcat /proc/config.gz 2> /dev/null || cat /boot/config-$(uname -r) 2> /dev/null")
  local configuration <const> = pipe:read("a")
  pipe:close()

  it("are those of the kernel's configuration", function()
    if configuration == "" then return pending("needs /proc/config.gz or /boot/config-RELEASE") end
    local hz <const> = configuration:match("\nCONFIG_HZ=(%d+)\n")
    if hz then assert.equal(math.tointeger(hz), value_of("CONFIG_HZ")) end
    for _, option in ipairs{ "SMP", "NUMA", "BPF_SYSCALL", "EXT4_FS", "DEBUG_INFO_BTF" } do
      local set <const> = configuration:match("\nCONFIG_" .. option .. "=(%w)\n")
      local name <const> = "CONFIG_" .. option
      assert.equal(set and 1 or 0, value_of("IS_ENABLED(" .. name .. ")"), name)
      assert.equal(set == "y" and 1 or 0, value_of("IS_BUILTIN(" .. name .. ")"), name)
      assert.equal(set == "m" and 1 or 0, value_of("IS_MODULE(" .. name .. ")"), name)
      assert.equal(set == "y" and 1 or 0, value_of("SET",
        "#ifdef " .. name .. "\n#define SET 1\n#else\n#define SET 0\n#endif"), name)
      assert.equal(set and 1 or 0, value_of("SET",
        "#if IS_ENABLED(" .. name .. ")\n#define SET 1\n#else\n#define SET 0\n#endif"), name)
    end
  end)

  it("that the program or its flags set themselves stay as they are", function()
    assert.equal(12345, value_of("CONFIG_HZ", "#define CONFIG_HZ 12345"))
    local text <const> = "BPF_ARRAY(sized, u32, CONFIG_HZ);"
    local b <close> = bpf.BPF{text = text, cflags = {"-DCONFIG_HZ=77"}}
    assert.equal(77, b.sized.max_entries)
  end)

  it("are told by the kernel's types where the configuration cannot be read", function()
    if not os.execute("unshare -m true 2> /dev/null") then return pending("needs unshare -m") end
    local text <const> = [==[
local b = require "bpf".BPF{text = [[
#ifdef CONFIG_CGROUPS
BPF_ARRAY(sized, u32, 7);
#endif]], cache = false}
print(b.sized.max_entries)]==]
    local status <const>, out <const> = script.run(text,
      "unshare -m sh -c 'for f in /proc/config.gz /boot/config-*; do [ ! -e $f ] || "
      .. "mount --bind /dev/null $f; done; exec \"$@\"' sh")
    assert.equal(0, status)
    assert.equal("7\n", out)
  end)
end)

describe("the types of a helper", function()
  it("are there for a program that names only the helper", function()
    assert.truthy(bpf.compile{text = [[
int egress(struct __sk_buff *skb) {
  u32 here = bpf_get_current_task_btf()->tgid;
  return bpf_tcp_sock(skb->sk)->snd_cwnd + bpf_skc_to_tcp_sock(skb->sk)->snd_cwnd + here;
}]]})
  end)

  it("are left out for one that does not", function()
    local _ <const>, _ <const>, out <const> = script.run([==[
local bpf = require "bpf"
bpf.BPF{text = "struct task_struct; int probe(struct pt_regs *ctx) { return 0; }", cache = false,
  debug = bpf.DEBUG_PREPROCESSOR}]==])
    assert.truthy(out:find("struct pt_regs {", 1, true))
    assert.falsy(out:find("struct tcp_sock {", 1, true))
    assert.truthy(#out < 60000, #out)
  end)
end)

describe("the kernel's version", function()
  it("is what uname says, or what BCC_LINUX_VERSION_CODE says", function()
    local pipe <const> = io.popen("uname -r")
    local major <const>, minor <const>, patch = pipe:read("a"):match("^(%d+)%.(%d+)%.?(%d*)")
    pipe:close()
    patch = math.min(tonumber(patch) or 0, 255)
    assert.equal(math.tointeger(major) << 16 | math.tointeger(minor) << 8 | patch,
      value_of("LINUX_VERSION_CODE"))
    local _ <const>, out <const> = script.run([==[
print(require "bpf".BPF{text = "BPF_ARRAY(sized, u32, LINUX_VERSION_CODE);"}.sized.max_entries)]==],
      "env BCC_LINUX_VERSION_CODE=263202")
    assert.equal("263202\n", out)
  end)
end)
