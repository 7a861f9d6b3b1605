-- Iterators: what programs write about tasks and map elements, read as lines and as a whole.
local bpf <const> = require "bpf"
local leftovers <const> = require "spec.support.leftovers"
local process <const> = require "spec.support.process"
local refusal <const> = require "spec.support.refusal"

local count <const> = 10007 -- far more text than the kernel gives at once

local text <const> = [[
BPF_HASH(numbers, u32, u64, 16384);
BPF_ITER(task) {
  struct seq_file *seq = ctx->meta->seq;
  struct task_struct *task = ctx->task;
  if (task == 0) return 0;
  BPF_SEQ_PRINTF(seq, "%d %d %s\n", task->tgid, task->pid, task->comm);
  return 0;
}
BPF_ITER(bpf_map_elem) {
  u32 *key = ctx->key;
  u64 *value = ctx->value;
  if (key == 0 || value == 0) return 0;
  BPF_SEQ_PRINTF(ctx->meta->seq, "%d=%lu\n", *key, *value);
  return 0;
}
SEC("iter/bpf_map_elem") int unended(struct bpf_iter__bpf_map_elem *ctx) {
  if (ctx->key == 0) return 0;
  BPF_SEQ_PRINTF(ctx->meta->seq, "%d,\n.", *(u32 *)ctx->key);
  return 0;
}
int no_iterator(struct pt_regs *ctx) { return 0; }
]]

local b
local missing = not bpf.features().btf.available and bpf.features().btf.reason
if not missing then
  local good, e = pcall(bpf.BPF, {text = text})
  if not good then error(e) end
  b = e
  good, e = pcall(b.attach_iter, b, "task")
  if good then b:detach_iter("task") else missing = e.message end
end

local function it_with_iterators(name, test)
  it(name, missing and function() pending("needs iterators: " .. missing) end or test)
end

describe("an iterator", function()
  setup(function()
    if missing then return end
    local keys <const>, leaves <const> = {}, {}
    for i = 1, count do keys[i], leaves[i] = i, 3 * i end
    b.numbers:items_update_batch(keys, leaves)
  end)
  teardown(function() if b then b:close() end end)

  it_with_iterators("gives each element of a map once, as lines and as a whole", function()
    local seen, lines <const> = {}, {}
    for line in b:iter("bpf_map_elem", {map = b.numbers}) do
      local key <const>, value <const> = line:match("^(%d+)=(%d+)$")
      assert.equal(3 * tonumber(key), tonumber(value), line)
      assert.is_nil(seen[key])
      seen[key] = true
      lines[#lines + 1] = line
    end
    assert.equal(count, #lines)
    local raw <const> = b:iter("bpf_iter__bpf_map_elem", {map = b.numbers, raw = true})
    assert.equal(table.concat(lines, "\n") .. "\n", raw)
    assert.equal(raw, b:iter{fn_name = "bpf_map_elem", map = b.numbers}:read())
  end)

  it_with_iterators("gives a last line that has no end, and the rest after some lines", function()
    local walk <const> = b:iter("unended", {map = b.numbers})
    local first <const>, second <const> = walk(), walk()
    assert.truthy(first:find("^%d+,$"))
    assert.truthy(second:find("^%.%d+,$"))
    local rest <const> = walk:read()
    assert.equal(count - 2, select(2, rest:gsub(",\n", "")))
    assert.equal(".", rest:sub(-1))
    assert.is_nil(walk())
    assert.equal("", walk:read())
    local last
    for line in b:iter("unended", {map = b.numbers}) do last = line end
    assert.equal(".", last)
  end)

  it_with_iterators("tells of tasks, of one process and of one thread", function()
    local child <const> = process.start("sleep 600")
    assert.is_true(process.wait_until(function() -- the shell has become it
      return io.lines(("/proc/%d/comm"):format(child.pid))() == "sleep"
    end))
    local line <const> = ("%d %d sleep"):format(child.pid, child.pid)
    local all = 0
    for found in b:iter("task") do if found == line then all = all + 1 end end
    local good <const>, one = pcall(b.iter, b, "task", {pid = child.pid, raw = true})
    local same <const> = good and b:iter("task", {tid = child.pid, raw = true})
    child:signal("KILL")
    child:finish()
    assert.equal(1, all)
    if not good then return pending("needs Linux 6.1 for pid: " .. one.message) end
    assert.equal(line .. "\n", one)
    assert.equal(line .. "\n", same)
  end)

  it_with_iterators("goes over control groups: down, up, from the ends", function()
    local root
    for line in io.lines("/proc/mounts") do root = root or line:match("^%S+ (%S+) cgroup2 rw") end
    if not root then return pending("needs a cgroup2 file system") end
    local groups <close> = bpf.BPF{auto_attach = false, text = [[
BPF_ITER(cgroup) {
  if (ctx->cgroup) BPF_SEQ_PRINTF(ctx->meta->seq, "%lu\n", ctx->cgroup->kn->id);
  return 0;
}]]}
    local good <const>, problem = pcall(groups.iter, groups, "cgroup", {cgroup = root})
    if not good then return pending("needs iterators over cgroups: " .. problem.message) end
    local outer <const> = ("%s/luabpf-%d"):format(root, process.own_pid())
    local folders <const> = {outer, outer .. "/inner", outer .. "/inner/most"}
    assert(os.execute("mkdir " .. table.concat(folders, " ")))
    finally(function()
      os.execute(("rmdir %s %s %s"):format(folders[3], folders[2], folders[1]))
    end)
    local names <const> = {}
    for _, folder in ipairs(folders) do
      local pipe <close> = io.popen("stat -c %i " .. folder)
      names[pipe:read("l")] = folder:match("[^/]+$")
    end
    local function walk(path, order)
      local list <const> = {}
      for id in groups:iter("cgroup", {cgroup = path, order = order}) do
        list[#list + 1] = names[id] or "above"
      end
      return table.concat(list, " "):gsub("luabpf%-%d+", "outer")
    end
    local before <const> = leftovers.now()
    assert.equal("outer inner most", (walk(outer)))
    assert.equal("outer inner most", (walk(outer, "down")))
    assert.equal("most inner outer", (walk(outer, "post")))
    assert.equal("inner", (walk(folders[2], "self")))
    assert.truthy(walk(folders[3], "up"):find("^most inner outer above"))
    assert.same(before, leftovers.now())
    problem = refusal.of(function() walk("/nowhere") end)
    assert.equal("Could not open cgroup /nowhere: No such file or directory", problem.message)
    assert.error_matches(function() walk(outer, "sideways") end, "'order'")
  end)

  it_with_iterators("is attached to be read more than once", function()
    local link <const> = b:attach_iter{fn_name = "bpf_map_elem", map = b.numbers}
    assert.equal("iter", link:kind())
    assert.is_true(link:fd() >= 0)
    for _ = 1, 2 do
      local lines = 0
      for _ in link:iter() do lines = lines + 1 end
      assert.equal(count, lines)
    end
    local e <const> = refusal.of(function()
      b:attach_iter{fn_name = "bpf_map_elem", map = b.numbers}
    end)
    assert.equal(17, e.errno) -- EEXIST
    local walk <const> = link:iter()
    assert.equal(1, b:detach_iter("bpf_map_elem"))
    assert.equal("string", type(walk())) -- a walk that has begun goes on
    walk:close()
    assert.is_nil(walk())
    assert.is_nil(link:fd())
    assert.error_matches(function() link:iter() end, "the link is detached")
    assert.error_matches(function() b:detach_iter("bpf_map_elem") end,
      "Iterator bpf_iter__bpf_map_elem is not attached")
  end)

  it_with_iterators("leaves nothing open, however the walk ends", function()
    b:iter("task"):close() -- loads it
    local before <const> = leftovers.now()
    for _ = 1, 7 do
      for line in b:iter("bpf_map_elem", {map = b.numbers}) do if #line > 0 then break end end
      pcall(function() for line in b:iter("task") do error(line) end end)
      b:iter("task")
      b:iter("task", {raw = true})
    end
    assert.same(before, leftovers.now())
  end)

  it_with_iterators("says what is wrong", function()
    local e = refusal.of(function() b:iter("bpf_map_elem") end)
    assert.equal(9, e.errno) -- EBADF
    assert.truthy(e.hint:find("option 'map'", 1, true))
    e = refusal.of(function() b:iter("no_iterator") end)
    assert.truthy(e.message:find("no_iterator", 1, true))
    e = refusal.of(function() b:iter("tusk") end)
    assert.equal("Unknown program tusk", e.message)
    local file <const> = "iterator_spec.lua"
    assert.truthy(refusal.misuse(function() b:iter("task", {pid = 1, map = b.numbers}) end, file)
      :find("exclude one another", 1, true))
    assert.truthy(refusal.misuse(function() b:iter("task", {map = "numbers"}) end, file)
      :find("option 'map' must be a table", 1, true))
    assert.truthy(refusal.misuse(function() b:iter("task", {tip = 1}) end, file)
      :find("'tid'", 1, true))
    assert.truthy(refusal.misuse(function() b:iter() end, file)
      :find("option 'fn_name' is missing", 1, true))
  end)
end)
