-- How long an attachment lives: links, <close>, b:close(), the collector, and two objects at once.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local target <const> = require "spec.support.target"

local count <const> = 131
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

local text <const> = [[
BPF_HASH(seen, u32, u64);
int links_answer(struct pt_regs *ctx) {
  seen.increment(1);
  return 0;
}
int links_answered(struct pt_regs *ctx) {
  seen.increment(2);
  return 0;
}
]]

local function attach(b)
  return b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "links_answer"}
end

describe("a link", function()
  it_with_uprobes("tells its kind and count, also when it is detached", function()
    local b <close> = bpf.BPF{text = text}
    local link <const> = attach(b)
    assert.truthy(tostring(link):find("uprobe", 1, true))
    assert.truthy(tostring(link):find("links_answer", 1, true))
    link:detach()
    link:detach()
    link:close()
    assert.equal("uprobe", link:kind())
    assert.equal(1, link:count())
    assert.truthy(tostring(link):find("detached", 1, true))
    assert.equal(0, b:num_open_uprobes())
  end)

  it_with_uprobes("ends with its block, and not with the collector", function()
    local b <close> = bpf.BPF{text = text}
    do
      local link <close> = attach(b)
      target.run(count)
      assert.equal("uprobe", link:kind())
    end
    target.run(count)
    assert.equal(count, b.seen[1])
    attach(b)
    collectgarbage()
    collectgarbage()
    target.run(count)
    assert.equal(2 * count, b.seen[1])
    assert.equal(1, b:num_open_uprobes())
  end)

  it_with_uprobes("can be detached after its object was closed", function()
    local b <const> = bpf.BPF{text = text}
    local link <const> = attach(b)
    b:close()
    link:detach()
    assert.equal("uprobe", link:kind())
    assert.truthy(tostring(link):find("detached", 1, true))
  end)

  it_with_uprobes("keeps its object, when nothing else does", function()
    local before <const> = leftovers.now();
    (function()
      local link <const> = attach(bpf.BPF{text = text})
      collectgarbage()
      collectgarbage()
      target.run(1)
      assert.not_same(before, leftovers.now())
      link:detach()
      assert.not_same(before, leftovers.now())
    end)()
    assert.same(before, leftovers.now())
  end)
end)

describe("a BPF object", function()
  it_with_uprobes("leaves nothing when it is closed, however often", function()
    local before <const> = leftovers.now()
    local b <const> = bpf.BPF{text = text}
    attach(b)
    b:attach_uretprobe{name = target.path(), sym_re = "answ.*|six", fn_name = "links_answered"}
    assert.equal(3, b:num_open_uprobes())
    assert.not_same(before, leftovers.now())
    b:close()
    b:close()
    assert.same(before, leftovers.now())
    assert.is_true(leftovers.no_program("links_"))
    assert.error_matches(function() return b:num_open_uprobes() end, "the BPF object is closed")
    assert.error_matches(function() return b.seen end, "the BPF object is closed")
    assert.error_matches(function() attach(b) end, "the BPF object is closed")
    assert.truthy(tostring(b):find("closed", 1, true))
  end)

  it_with_uprobes("leaves nothing after an error in its block, or after the collector", function()
    local before <const> = leftovers.now()
    pcall(function()
      local b <close> = bpf.BPF{text = text}
      attach(b)
      error("on purpose")
    end)
    assert.same(before, leftovers.now())
    attach(bpf.BPF{text = text})
    assert.same(before, leftovers.now())
  end)

  it_with_uprobes("does not know of another one with the same program", function()
    local one <close> = bpf.BPF{text = text}
    local two <close> = bpf.BPF{text = text}
    local link <close> = attach(one)
    attach(two)
    assert.equal("uprobe", link:kind())
    target.run(count)
    assert.equal(count, one.seen[1])
    assert.equal(count, two.seen[1])
    one:close()
    target.run(count)
    assert.equal(2 * count, two.seen[1])
    assert.equal(1, two:num_open_uprobes())
    two:detach_uprobe{name = target.path(), sym = "answer"}
    target.run(count)
    assert.equal(2 * count, two.seen[1])
  end)
end)
