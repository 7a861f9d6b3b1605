-- Programs without attachments: what a text defines, and loading one function.
local bpf <const> = require "bpf"
local packet <const> = require "spec.support.packet"
local refusal <const> = require "spec.support.refusal"

local text <const> = [[
BPF_HASH(counts, u32);
int second(struct pt_regs *ctx) { counts.increment(1); return 0; }
int first(struct pt_regs *ctx) { u64 *value = 0; return *value; }
int kprobe__no_such_function_anywhere(struct pt_regs *ctx) { return 0; }
KFUNC_PROBE(no_such_function_either, int number) { return 0; }
]]

describe("a BPF object's functions", function()
  it("are listed, and attached by name only when that is wanted", function()
    assert.has_error(function() bpf.BPF{text = text} end)
    local b <close> = bpf.BPF{text = text, auto_attach = false}
    local names <const> = b:functions()
    table.sort(names)
    assert.same({"first", "kfunc__vmlinux__no_such_function_either",
      "kprobe__no_such_function_anywhere", "second"}, names)
    assert.equal(0, b:num_open_kprobes())
    local other <close> = bpf.BPF{text = [[
int kprobe_x(struct pt_regs *ctx) { return 0; }
int mykprobe__x(struct pt_regs *ctx) { return 0; }
int tracepoint_x(struct pt_regs *ctx) { return 0; }
int raw_tracepoint_x(void *ctx) { return 0; }
int uprobe__x(struct pt_regs *ctx) { return 0; }
int kmod_ret_x(void *ctx) { return 0; }
int lsm_x(void *ctx) { return 0; }]]}
    assert.equal(7, #other:functions())
  end)

  it("are loaded once, as the type that was asked for", function()
    local b <close> = bpf.BPF{text = text, auto_attach = false}
    local program <const> = b:load_func("second", bpf.BPF.KPROBE)
    assert.equal("second", program.name)
    assert.is_true(program.fd > 2)
    assert.equal(program.fd, b:load_func("second", bpf.BPF.KPROBE).fd)
    assert.is_true(program.fd ~= b:load_func("second", bpf.BPF.TRACEPOINT).fd)
  end)

  it("that do not exist are named", function()
    local b <close> = bpf.BPF{text = text, auto_attach = false}
    local ok <const>, failure <const> = pcall(b.load_func, b, "secnd", bpf.BPF.KPROBE)
    assert.is_false(ok)
    assert.truthy(tostring(failure):find("Unknown program secnd", 1, true))
  end)

  it("have BCC's names in the kernel", function()
    if not packet.available() then return pending("needs bpftool") end
    local b <close> = bpf.BPF{auto_attach = false, text = [[
int kprobe__vfs_read(struct pt_regs *ctx) { return 0; }]]}
    local program <const> = b:load_func("kprobe__vfs_read")
    local pipe <const> = io.popen("bpftool prog show id " .. packet.id(program))
    assert.truthy(pipe:read("a"):find("kprobe  name vfs_read ", 1, true))
    pipe:close()
  end)

  it("and tables are for a network card only where that runs programs", function()
    local on_lo <const> = "Operation not supported. device= is for network cards that run BPF"
    local counting <const> = "BPF_HASH(n, u32); int f(struct xdp_md *ctx) { return XDP_PASS; }"
    local b <close> = bpf.BPF{text = counting}
    for _, case in ipairs{
      {"Could not create table n", function() bpf.BPF{text = counting, device = "lo"} end},
      {"Failed to load BPF program f", function()
        b:load_func("f", bpf.BPF.XDP, {device = "lo"})
      end},
      {"Failed to load BPF program f", function()
        b:attach_xdp{dev = "lo", fn_name = "f", flags = bpf.XDP_FLAGS_HW_MODE}
      end},
    } do
      local e <const> = refusal.of(case[2])
      assert.equal(95, e.errno)
      assert.truthy(tostring(e):find(case[1] .. ": " .. on_lo, 1, true), tostring(e))
    end
    assert.truthy(b:load_func("f", bpf.BPF.XDP).fd) -- the kernel itself runs it
    assert.equal("There is no network device nowhere", refusal.of(function()
      bpf.BPF{text = counting, device = "nowhere"}
    end).message)
  end)

  it("that are for a kernel function which is not there are refused", function()
    local b <close> = bpf.BPF{text = text, auto_attach = false}
    local e <const> = refusal.of(function() b:attach_kfunc("no_such_function_either") end)
    assert.truthy(e.message:find("has no function no_such_function_either", 1, true), e.message)
  end)
end)

describe("a table's attributes", function()
  it("are the kernel's", function()
    local b <close> = bpf.BPF{text = text, auto_attach = false}
    assert.equal("counts", b.counts.name)
    assert.equal(10240, b.counts.max_entries)
    assert.equal(4, b.counts.key_size)
    assert.equal(8, b.counts.leaf_size)
    assert.equal(1, b.counts.ttype)
    assert.equal(0, b.counts.flags)
    assert.is_true(b.counts.map_fd > 2)
  end)
end)
