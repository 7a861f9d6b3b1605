-- Stacks of a known depth: addresses, names, build ids, and folded lines.
local bpf <const> = require "bpf"
local target <const> = require "spec.support.target"

local BPF <const> = bpf.BPF
local missing <const> = not bpf.features().uprobe.available and bpf.features().uprobe.reason

local function it_with_uprobes(name, test)
  it(name, missing and function() pending("needs uprobes: " .. missing) end or test)
end

describe("stacks", function()
  -- One stack of the target's function answer: the table and the id.
  local function stack_of_answer(flags)
    local b <const> = bpf.BPF{ text = ([[
BPF_TABLE_FLAGS_TEXT
BPF_HASH(ids, u32, s64);
int on_answer(void *ctx) {
  u32 pid = bpf_get_current_pid_tgid() >> 32;
  s64 id = stacks.get_stackid(ctx, BPF_F_USER_STACK);
  ids.update(&pid, &id);
  return 0;
}]]):gsub("BPF_TABLE_FLAGS_TEXT", flags and "BPF_STACK_TRACE_BUILDID(stacks, 64);"
      or "BPF_STACK_TRACE(stacks, 64);") }
    b:attach_uprobe{ name = target.path(), sym = "answer", fn_name = "on_answer" }
    target.run(3)
    local pid, id
    for key, value in pairs(b.ids) do pid, id = key, value end
    return b, pid, id
  end

  it_with_uprobes("with build ids are named by the files that were made known", function()
    local b <close>, _, id = stack_of_answer(true)
    local stack <const> = b.stacks:get_stack(id)
    assert.equal(1, stack[1].status)
    assert.equal(40, #stack[1].build_id)
    assert.equal("[unknown]", BPF.sym(stack[1], -1))
    BPF.add_module(target.path())
    assert.equal("answer+0x0 [target]", BPF.sym(stack[1], -1, { show_offset = true,
      show_module = true }))
    assert.equal("answer", b.stacks:get_symbols(id, -1)[1])
    local walked <const> = {}
    for name in b.stacks:walk(id, function(entry) return BPF.sym(entry, -1) end) do
      walked[#walked + 1] = name
    end
    assert.same(b.stacks:get_symbols(id, -1), walked)
    BPF.free_bcc_memory()
  end)

  it_with_uprobes("of a process that ended have unknown names, and as many as addresses", function()
    local b <close>, pid, id = stack_of_answer(false)
    assert.equal(#b.stacks:get_stack(id), #b.stacks:get_symbols(id, pid))
    assert.equal("[unknown]", b.stacks:get_symbols(id, pid)[1])
    assert.is_nil(b.stacks:get_symbols(-14, pid))
  end)

  it("of the kernel are walked, and really cleared", function()
    local b <close> = bpf.BPF{ text = [[
BPF_STACK_TRACE(stacks, 64);
BPF_HASH(ids, u32, s64);
RAW_TRACEPOINT_PROBE(sched_process_exec) {
  u32 one = 1;
  s64 id = stacks.get_stackid(ctx, 0);
  ids.update(&one, &id);
  return 0;
}]] }
    os.execute("true")
    local names <const> = {}
    for name in b.stacks:walk(b.ids[1], BPF.ksym) do names[#names + 1] = name end
    assert.truthy(table.concat(names, " "):find("bprm_execve", 1, true), table.concat(names, " "))
    b:detach_raw_tracepoint{ tp = "sched_process_exec" }
    for _, wrong in ipairs { 1 << 32, -(1 << 32) } do -- the same in 32 bits
      assert.is_nil(b.stacks:get_stack(b.ids[1] + wrong))
    end
    b.stacks:clear()
    assert.is_nil(b.stacks:get_stack(b.ids[1]))
  end)

  it("are named in one call, addresses of the kernel too #any_kernel", function()
    local schedule <const>, read <const> = BPF.ksymname("schedule"), BPF.ksymname("vfs_read")
    assert.same({ "schedule", "vfs_read+0x4", "[unknown]" }, {
      BPF.symbolize({ schedule }, -1)[1],
      BPF.symbolize({ schedule, read + 4 }, -1, { show_offset = true })[2],
      BPF.symbolize({ 0 }, -1)[1],
    })
    assert.same({}, BPF.symbolize({}, 1))
    assert.error_matches(function() BPF.symbolize({ "x" }, 1) end, "an address")
    assert.error_matches(function() BPF.symbolize({}, 1, { offset = true }) end, "unknown")
  end)

  it("are folded from the outside in #any_kernel", function()
    assert.equal("sh;main;read;entry_[k];vfs_read_[k]", BPF.fold{ comm = "sh",
      user = { "read", "main" }, kernel = { "vfs_read", "entry" }, annotate = true })
    assert.equal("a:b;main", BPF.fold{ comm = "a;b", user = { "main" } })
    assert.equal("", BPF.fold{})
    assert.error_matches(function() BPF.fold{ users = {} } end, "did you mean 'user'")
  end)
end)

describe("functions of files #any_kernel", function()
  it("are listed by name, by address, and as pairs", function()
    local names <const> = BPF.get_user_functions(target.path(), "answer|six")
    table.sort(names)
    assert.same({ "answer", "six" }, names)
    assert.equal(2, #BPF.get_user_addresses(target.path(), "answer|six"))
    local pairs_of <const> = BPF.get_user_functions_and_addresses(target.path(), "answer")
    assert.equal(1, #pairs_of)
    assert.equal("answer", pairs_of[1][1])
    assert.same({ pairs_of[1][2] }, BPF.get_user_addresses(target.path(), "answer"))
    assert.same({}, BPF.get_user_functions(target.path(), "answe"))
  end)

  it("lie in libraries and programs that are found by their names", function()
    assert.truthy(BPF.find_library("c"):find("/libc.so.6", 1, true))
    assert.is_nil(BPF.find_library("no_such_library"))
    assert.truthy(BPF.find_exe("sh"):find("/sh$"))
    assert.equal(target.path(), BPF.find_exe(target.path()))
    assert.is_nil(BPF.find_exe("no_such_program"))
    assert.error_matches(function() BPF.get_user_functions("c", "(") end, "expression")
  end)
end)
