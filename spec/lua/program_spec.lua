-- Programs without attachments: what a text defines, and loading one function.
local bpf <const> = require "bpf"

local text <const> = [[
BPF_HASH(counts, u32);
int second(struct pt_regs *ctx) { counts.increment(1); return 0; }
int first(struct pt_regs *ctx) { u64 *value = 0; return *value; }
int kprobe__no_such_function_anywhere(struct pt_regs *ctx) { return 0; }
]]

describe("a BPF object's functions", function()
  it("are listed, and attached by name only when that is wanted", function()
    assert.has_error(function() bpf.BPF{text = text} end)
    local b <close> = bpf.BPF{text = text, auto_attach = false}
    local names <const> = b:functions()
    table.sort(names)
    assert.same({"first", "kprobe__no_such_function_anywhere", "second"}, names)
    assert.equal(0, b:num_open_kprobes())
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
