-- Programs that cannot be compiled or read: one error object with the user's own line,
-- nothing left.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"

local file <const> = "spec/faults/program_spec.lua"

local function written(content)
  local path <const> = os.tmpname()
  local out <const> = assert(io.open(path, "wb"))
  out:write(content)
  out:close()
  return path
end

describe("a program", function()
  -- name, text, pattern of the message, pattern of the hint or nil
  local cases <const> = {
    {"a missing semicolon", [[
int probe(void *ctx) {
  int a = 1 /*a missing semicolon*/
  return a;
}]], "expected ';'"},
    {"an unknown method", [[
BPF_HASH(counts, u32, u64);
int probe(void *ctx) {
  counts.incremet(1); /*an unknown method*/
  return 0;
}]], "incremet", "increment"},
    {"an unknown type", [[
int probe(void *ctx) {
  struct task_strukt *task = (void *)bpf_get_current_task();
  return task->pid; /*an unknown type*/
}]], "task_strukt", "task_struct"},
    {"an unknown member", [[
int probe(void *ctx) {
  struct task_struct *task = (void *)bpf_get_current_task();
  return task->pidd; /*an unknown member*/
}]], "pidd", "pid"},
    {"an unknown helper", [[
int probe(void *ctx) {
  return bpf_ktime_get_nss(); /*an unknown helper*/
}]], "bpf_ktime_get_nss", "bpf_ktime_get_ns"},
    {"a missing header", [[
#include <nothing/of_this_name.h> /*a missing header*/
int probe(void *ctx) { return 0; }]], "nothing/of_this_name.h"},
    {"a directive", [[
#error on purpose /*a directive*/
int probe(void *ctx) { return 0; }]], "on purpose"},
  }

  for _, case in ipairs(cases) do
    it("with " .. case[1] .. " is refused at the user's line", function()
      local e <const> = refusal.of(function() bpf.BPF{text = case[2]} end)
      assert.equal("compile", e.op)
      assert.equal(22, e.errno) -- EINVAL
      assert.truthy(e.message:find(case[3], 1, true), e.message)
      assert.equal(file .. ":" .. refusal.line_of(file, "/*" .. case[1] .. "*/"), e.where)
      assert.truthy(tostring(e):find(e.where, 1, true))
      if case[4] then assert.truthy(tostring(e):find(case[4], 1, true), tostring(e)) end
      assert.truthy(#e.log > 0)
    end)
  end

  it("in a file of its own is refused at that file's line", function()
    local path <const> = written("int probe(void *ctx) {\n  return 0\n}\n")
    local e <const> = refusal.of(function() bpf.BPF{src_file = path} end)
    os.remove(path)
    assert.equal(path .. ":2", e.where)
  end)

  it("with a long list of errors gives one paragraph, and the list as log", function()
    local e <const> = refusal.of(function()
      bpf.BPF{text = "int probe(void *ctx) {\n" .. ("  wrong;\n"):rep(50) .. "}"}
    end)
    assert.is_true(#tostring(e) < 500)
    assert.is_true(#e.log > #tostring(e))
  end)

  it("that is empty or no text at all is no crash", function()
    local b <close> = bpf.BPF{text = "\n"}
    assert.equal(0, b:num_open_kprobes())
    refusal.of(function() bpf.BPF{text = ("\0\1\2\255"):rep(100)} end)
    refusal.of(function() bpf.BPF{text = ("("):rep(5000)} end)
  end)

  it("can be attached to nothing that it does not define", function()
    local b <close> = bpf.BPF{text = "int probe(void *ctx) { return 0; }"}
    local e <const> = refusal.of(function()
      b:attach_raw_tracepoint{tp = "sched_switch", fn_name = "prob"}
    end)
    assert.equal("load", e.op)
    assert.truthy(e.message:find("prob", 1, true))
  end)

  it("of a kernel feature that is missing is refused when it is attached by its name", function()
    local e <const> = refusal.of(function()
      bpf.BPF{text = "TRACEPOINT_PROBE(sched, sched_swich) { return 0; }"}
    end)
    assert.truthy(tostring(e):find("sched_swich", 1, true), tostring(e))
    assert.truthy(tostring(e):find("sched_switch", 1, true), tostring(e))
    refusal.of(function()
      bpf.BPF{text = "int kprobe__no_such_function_here(void *ctx) { return 0; }"}
    end)
  end)
end)

describe("a file", function()
  it("that is not there, is a folder or a device, is refused by name", function()
    for path, errno in pairs{ ["/nonexistent/a.c"] = 2, ["/tmp"] = 21, ["/dev/zero"] = 22 } do
      for _, way in ipairs{ "src_file", "obj" } do
        local e <const> = refusal.of(function() bpf.BPF{[way] = path} end)
        assert.equal("read", e.op)
        assert.equal(errno, e.errno)
        assert.truthy(e.message:find(path, 1, true))
      end
    end
  end)

  it("that is no BPF object is refused as one", function()
    local contents <const> = { "", "garbage", "\127ELF", "\127ELF" .. ("\0"):rep(60),
      ("\255"):rep(4096) }
    local program <const> = io.open("/bin/true", "rb")
    contents[#contents + 1] = program:read("a")
    program:close()
    for _, content in ipairs(contents) do
      local path <const> = written(content)
      local e <const> = refusal.of(function() bpf.BPF{obj = path} end)
      os.remove(path)
      assert.is_true(#e.message > 10, e.message)
    end
  end)

  it("that is a damaged BPF object is refused or opened, never a crash", function()
    local source <const> = written("int probe(void *ctx) { return 7; }\n")
    local object <const> = os.tmpname()
    local clang <const> = "clang-19 -O1 -g -target bpf -x c -c -o %s %s 2> /dev/null"
    local built <const> = os.execute(clang:format(object, source))
    os.remove(source)
    if not built then
      os.remove(object)
      return pending("needs clang-19 by that name, to build an object")
    end
    local input <const> = assert(io.open(object, "rb"))
    local bytes <const> = input:read("a")
    input:close()
    math.randomseed(11)
    for i = 1, 60 do
      local damaged = bytes
      if i % 3 == 0 then
        damaged = bytes:sub(1, math.random(#bytes))
      else
        for _ = 1, 1 + i % 5 do
          local at <const> = math.random(#bytes)
          damaged = damaged:sub(1, at - 1) .. string.char(math.random(0, 255))
            .. damaged:sub(at + 1)
        end
      end
      local out <const> = assert(io.open(object, "wb"))
      out:write(damaged)
      out:close()
      local good <const>, b <const> = pcall(bpf.BPF, {obj = object})
      if good then b:close() else assert.equal("string", type(b.message)) end
    end
    os.remove(object)
  end)
end)
