-- How clang's end is taken: its object counts once it says that it has succeeded, and only then;
-- nothing of it is left, whatever happens. Each in a process of its own.
local bpf <const> = require "bpf"
local script <const> = require "spec.support.script"

-- Opens a program under the settings given and prints what came of it; then what is left.
local text <const> = [==[
local bpf = require "bpf"
local leftovers = require "spec.support.leftovers"
local before = leftovers.now()
local good, b = pcall(bpf.BPF, {text = ([[
BPF_HASH(counts, u32, u64);
%s
int probe(struct pt_regs *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task();
  counts.increment(task->pid);
  return 0;
}]]):format(arg[1] or ""), debug = tonumber(arg[2]), cache = false})
print(good and "good" or b.errno, good and "" or b.message)
if not good then print(b.log) end
local children = leftovers.now().children
if good then b:close() end
print("left", children .. (leftovers.now().files == before.files and "" or " open files"))
]==]

-- What it prints first, all that follows until what is left, and what it prints to stderr.
local function outcome(before, program, debug)
  local _ <const>, out <const>, errors <const> = script.run(
    ("arg[1], arg[2] = %q, %q\n"):format(program or "", debug or "") .. text, before)
  local first <const>, rest <const>, left <const> = out:match("^([^\n]*)\n(.*)left\t(.*)\n$")
  assert.truthy(first, out .. errors)
  assert.equal("", left)
  return first, rest, errors
end

-- With a shell script in clang's place; `clang` in it is the real one, with its arguments.
local function instead_of_clang(body, ...)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(("#!/bin/sh\nset -- %s \"$@\"\n"):format(bpf.toolchain().clang),
    (body:gsub("clang", "\"$@\"")), "\n")
  file:close()
  os.execute("chmod 755 " .. path)
  local first <const>, rest <const>, errors <const> = outcome("env LUABPF_CLANG=" .. path, ...)
  os.remove(path)
  return first, rest, errors
end

describe("clang's end #any_kernel", function()
  it("leaves no process and no open file", function()
    assert.equal("good\t", (outcome()))
    assert.equal("good\t", (instead_of_clang("exec clang")))
    assert.truthy(outcome("", "wrong"):find("^22\t"))
  end)

  it("is seen where the host ignores its children's ends", function()
    local before <const> = "sh -c 'trap \"\" CHLD; exec \"$@\"' sh"
    assert.equal("good\t", (outcome(before)))
    assert.truthy(outcome(before, "wrong"):find("^22\t"))
  end)

  it("by a signal is an error, also after the whole object", function()
    local first <const> = instead_of_clang("clang; kill -9 $$")
    assert.truthy(first:find("^10\tclang was ended by signal 9"), first)
    assert.truthy(instead_of_clang("clang | head -c 5000; kill -15 $$"):find("^10\t.* signal 15"))
  end)

  it("with an error counts, also after the whole object, and what it says until then", function()
    local first <const>, log <const> = instead_of_clang(
      "clang\nsleep 0.3\necho 'x.c:1:1: error: late words' >&2\nexit 1")
    assert.truthy(first:find("late words", 1, true), first)
    assert.truthy(log:find("late words", 1, true), log)
  end)

  it("that a script delays is waited for", function()
    assert.equal("good\t", (instead_of_clang("clang > $0.o; sleep 0.3; cat $0.o; rm $0.o")))
  end)

  it("comes after all warnings", function()
    local first <const>, _, errors <const> = outcome("", ("#warning %s\n"):format(("word "):rep(20))
      :rep(997), 8)
    assert.equal("good\t", first)
    assert.equal(997, select(2, errors:gsub("warning: word", "")))
  end)

  it("comes at once when there are no types", function()
    if not os.execute("unshare -m true 2> /dev/null") then return pending("needs unshare -m") end
    local first <const> = outcome("unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && "
      .. "exec \"$@\"' sh")
    assert.truthy(first:find("^61\t"), first)
  end)
end)

describe("the clang in one file #any_kernel", function()
  local own <const> = (os.getenv("LUABPF_BUILD") or "build/release") .. "/lib/bpf/clang"
  local program <const> = [==[
io.write((require "bpf".compile{cache = false, text = [[
struct event { u32 pid; char comm[16]; };
BPF_HASH(counts, u32, u64);
BPF_PERF_OUTPUT(events);
int probe(struct pt_regs *ctx, struct file *file, const char *name) {
  struct event event = {.pid = file->f_path.dentry->d_inode->i_ino};
  bpf_probe_read_user_str(event.comm, sizeof event.comm, name);
  counts.increment(event.pid);
  events.perf_submit(ctx, &event, sizeof event);
  return 0;
}]]}))]==]

  it("makes the same object as the system's, and says the same", function()
    local file <const> = io.open(own)
    if not file then return pending("needs libclang-19-dev when luabpf is built") end
    file:close()
    local path <const> = os.tmpname() -- one name for both
    for _, body in ipairs{ program, (program:gsub("counts.increment", "count.increment")),
      (program:gsub("return 0", "return printf(name)")) } do
      local said <const> = {}
      for i, clang in ipairs{ own, "clang-19" } do
        local script_file <const> = assert(io.open(path, "w"))
        script_file:write(body)
        script_file:close()
        local pipe <const> = io.popen((
          "LUA_PATH='%s' LUA_CPATH='%s' LUABPF_CLANG=%s lua5.4 %s 2>&1"):format(
            package.path, package.cpath, clang, path))
        said[i] = pipe:read("a")
        pipe:close()
      end
      assert.truthy(#said[1] > 100)
      assert.equal(said[2], said[1])
    end
    os.remove(path)
  end)
end)
