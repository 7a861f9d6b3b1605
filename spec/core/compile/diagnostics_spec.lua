-- What is wrong with a program, in one sentence: what clang says, the user's own file and line, and
-- what to do. Each case marks its line with the sign @.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

local function has(text, part)
  assert.truthy(text and text:find(part, 1, true), ("%q is not in %q"):format(part, text or "nil"))
end

-- The program goes through a file, so that lines are counted from its start.
local function refused(text, cflags)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "wb"))
  file:write((text:gsub("@", "")))
  file:close()
  local e <const> = refusal.of(function() bpf.BPF{src_file = path, cflags = cflags} end)
  os.remove(path)
  assert.equal("compile", e.op)
  return e, path
end

-- The number of the line with the sign.
local function marked_line(text)
  local before <const> = text:match("^(.-)@")
  return select(2, before:gsub("\n", "")) + 1
end

-- name, program, part of the message, part of the hint
local cases <const> = {
  {"a syntax error", "int probe(void *ctx) {\n  int a = (1 + ;@\n  return a;\n}",
    "expected expression"},
  {"several errors gives the first", "int probe(void *ctx) {\n  one;@\n  two;\n  return 0;\n}",
    "undeclared identifier 'one'"},
  {"an unknown type", "int probe(void *ctx) {\n  pid_tt a = 0;@\n  return a;\n}",
    "unknown type name 'pid_tt'; did you mean 'pid_t'"},
  {"an unknown struct", "int probe(void *ctx) {\n  struct task_strukt t;@\n  return 0;\n}",
    "incomplete type 'struct task_strukt'", "did you mean 'struct task_struct'"},
  {"an unknown member",
    "int probe(void *c, struct task_struct *t) {\n  return 0;\n}\nint f(struct task_struct *t) {\n"
    .. "  return t->real_parrent->pid;@\n}", "real_parrent", nil},
  {"an unknown field of a tracepoint",
    "TRACEPOINT_PROBE(sched, sched_switch) {\n  return args->prev_pidd;@\n}",
    "did you mean 'prev_pid'"},
  {"an unknown tracepoint", "\nTRACEPOINT_PROBE(sched, sched_swich) {@\n  return 0;\n}",
    "sched:sched_swich does not exist", "did you mean sched:sched_switch",
    "read tracepoint format"},
  {"an unknown variable", "BPF_HASH(seen, u32);\nint probe(void *ctx) {\n  return sene;@\n}",
    "undeclared identifier 'sene'; did you mean 'seen'"},
  {"an unknown constant", "int probe(void *ctx) {\n  return BPF_MAP_TYPE_HSH;@\n}",
    "'BPF_MAP_TYPE_HSH'", "did you mean 'BPF_MAP_TYPE_HASH'"},
  {"a constant whose header is missing", "int probe(void *ctx) {\n  return TASK_RUNNING;@\n}",
    "'TASK_RUNNING'", "#include <linux/sched.h>"},
  {"an unknown helper", "int probe(void *ctx) {\n  return bpf_ktime_get_nss();@\n}",
    "bpf_ktime_get_nss", "did you mean 'bpf_ktime_get_ns'"},
  {"a call into the kernel", "int probe(void *ctx) {\n  return get_task_cred(0) != 0;@\n}",
    "undeclared function 'get_task_cred'", "not the kernel's own functions"},
  {"a call into the C library", "int probe(void *ctx) {\n  return strlen(\"a\");@\n}",
    "strlen", "BPF has no C library"},
  {"an unknown method",
    "BPF_HASH(seen, u32);\nint probe(void *ctx) {\n  seen.lokup(0);@\n  return 0;\n}",
    "no member named 'lokup' in table 'seen'", "lookup"},
  {"too few arguments", "BPF_HASH(seen, u32);\nint probe(void *ctx) {\n  u32 key = 0;\n"
    .. "  seen.update(&key);@\n  return 0;\n}", "too few arguments to function call"},
  {"too many arguments", "int probe(void *ctx) {\n  return bpf_ktime_get_ns(1, 2);@\n}",
    "too many arguments to function call, expected 0, have 2"},
  {"an argument of the wrong type",
    "struct pair { int a, b; };\nBPF_HASH(seen, struct pair);\nint probe(void *ctx) {\n"
    .. "  struct pair key = {};\n  seen.increment(key.a);@\n  return 0;\n}", "'int'"},
  {"an error inside a macro",
    "#define TWICE(x) ((x) + nowhere)\nint probe(void *ctx) {\n  return TWICE(3);@\n}",
    "'nowhere'"},
  {"a macro without its argument",
    "#define SUM(x, y) ((x) + (y))\nint probe(void *ctx) {\n  return SUM(3);@\n}",
    "too few arguments"},
  {"an unterminated #if", "\n#if 1@\nint probe(void *ctx) { return 0; }",
    "unterminated conditional"},
  {"an #error", "\n#error on purpose@\n", "on purpose"},
  {"a second table of one name", "BPF_HASH(seen, u32);\nBPF_HASH(seen, u32);@\n",
    "redefinition of 'seen'"},
  {"a second function of one name",
    "int probe(void *ctx) { return 0; }\nint probe(void *ctx) { return 1; }@\n",
    "redefinition of 'probe'"},
  {"a broken assertion", "\n_Static_assert(sizeof(u32) == 5, \"five\");@\n", "five"},
  {"a format that is no literal",
    "int probe(void *ctx) {\n  char *f = 0;\n  bpf_trace_printk(f);@\n  return 0;\n}", "literal"},
  {"a write to memory of the kernel",
    "int probe(struct pt_regs *ctx, struct task_struct *t) {\n  t->pid = 0;@\n  return 0;\n}",
    "can't store to memory of the kernel"},
  {"a function that is only declared",
    "\nextern int elsewhere(int a);@\nint probe(void *ctx) { return elsewhere(1); }",
    "'elsewhere' is declared and used, but not defined", "linked with nothing"},
  {"a variable that is only declared",
    "\nextern int elsewhere;@\nint probe(void *ctx) { return elsewhere; }",
    "'elsewhere' is declared and used, but not defined"},
  -- the back end of clang, which tells the function only
  {"floating point",
    "\nint probe(struct pt_regs *ctx) {@\n  double x = 1.0 / ctx->ip;\n  return (int)x;\n}",
    "not supported", "no floating point"},
  {"128 bits",
    "\nint probe(struct pt_regs *ctx) {@\n  __int128 a = ctx->ip;\n  return a * ctx->sp >> 70;\n}",
    "not supported", "64 bits"},
  {"memset of any size",
    "\nint probe(struct pt_regs *ctx) {@\n  char a[64];\n  __builtin_memset(a, 0, ctx->ip);\n"
    .. "  bpf_trace_printk(\"%s\", a);\n  return 0;\n}", "memset", "small constant"},
  {"an array of any size #newer_clang",
    "\nint probe(struct pt_regs *ctx) {@\n  char a[ctx->ip];\n"
    .. "  bpf_probe_read_user(a, 8, (void *)ctx->sp);\n  return a[0];\n}",
    "dynamic stack allocation", "constant size"},
  {"variable arguments #newer_clang", "\n__attribute__((noinline)) int f(int n, ...) {@\n"
    .. "  __builtin_va_list list;\n  __builtin_va_start(list, n);\n"
    .. "  return __builtin_va_arg(list, int);\n}\nint probe(void *ctx) { return f(1, 2); }",
    "variadic functions are not supported", "macro"},
  {"assembly of the machine's",
    "int probe(void *ctx) {\n  asm volatile(\"movq %rax, %rbx\");@\n  return 0;\n}",
    "invalid register"},
}

describe("a program with #any_kernel", function()
  for _, case in ipairs(cases) do
    local name <const>, text <const>, message <const>, hint <const>, op <const> = table.unpack(case)

    it(name, function()
      local path <const> = os.tmpname()
      local file <const> = assert(io.open(path, "wb"))
      file:write((text:gsub("@", "")))
      file:close()
      local e <const> = refusal.of(function() bpf.BPF{src_file = path} end)
      os.remove(path)
      assert.equal(op or "compile", e.op)
      assert.equal(path .. ":" .. marked_line(text), e.where, tostring(e))
      has(e.message, message)
      if hint then has(e.hint, hint) end
      assert.falsy(tostring(e):find("__lbpf_", 1, true), tostring(e))
      assert.falsy(tostring(e):find("/proc/self", 1, true), tostring(e))
      assert.falsy((e.log or ""):find("/proc/self/fd", 1, true), e.log)
    end)
  end

  it("an error in a header of its own names that header", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    assert(os.execute("mkdir " .. folder))
    local header <const> = assert(io.open(folder .. "/broken.h", "w"))
    header:write("static int broken(int a) {\n  return a +;\n}\n")
    header:close()
    local e <const> = refused("#include \"broken.h\"\nint probe(void *ctx) { return broken(1); }",
      {"-I" .. folder})
    os.execute("rm -r " .. folder)
    assert.equal(folder .. "/broken.h:2", e.where)
  end)

  it("a flag that clang does not know names the flag", function()
    local e <const> = refused("int probe(void *ctx) { return 0; }", {"--no-such-flag"})
    has(e.message, "--no-such-flag")
    has(e.hint, "cflags")
    assert.is_nil(e.where)
  end)

  it("warnings that the flags make errors", function()
    local e <const>, path <const> = refused("int probe(void *ctx) {\n  int unused;\n  return 0;\n}",
      {"-Wall", "-Werror"})
    assert.equal(path .. ":2", e.where)
    has(e.message, "unused variable")
  end)

  it("many errors keeps all of them in the log, each with the user's line", function()
    local e <const>,
      path <const> = refused("int probe(void *ctx) {\n  one;\n  two;\n  return 0;\n}")
    has(e.log, path .. ":2:3: error: use of undeclared identifier 'one'")
    has(e.log, path .. ":3:3: error: use of undeclared identifier 'two'")
  end)

  it("endless recursion is refused when it is loaded, at its line", function()
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "w"))
    file:write([[
__attribute__((noinline)) static int deeper(int a) {
  return a > 1000 ? a : deeper(a * 2 + 1) + deeper(a + 3);
}
int probe(struct pt_regs *ctx) { return deeper(ctx->ip); }]])
    file:close()
    local b <close> = bpf.BPF{src_file = path}
    local e <const> = refusal.of(function() b:load_func("probe", bpf.BPF.KPROBE) end)
    os.remove(path)
    assert.equal("load", e.op)
    has(e.where, path .. ":")
    has(e.message, "call each other too deep")
  end)
end)

describe("warnings #any_kernel", function()
  local text <const> = [==[
local b <close> = require "bpf".BPF{debug = %s, cflags = {"-Wall"}, cache = false,
  text = "int probe(void *ctx) {\n  int unused_here;\n  return 0;\n}"}]==]

  it("are silent", function()
    local status <const>, out <const>, errors <const> = script.run(text:format("nil"))
    assert.same({0, "", ""}, {status, out, errors})
  end)

  it("are printed when something is debugged", function()
    local status <const>, out <const>, errors <const> = script.run(text:format("0x20"))
    assert.same({0, ""}, {status, out})
    has(errors, "unused variable 'unused_here'")
    has(errors, ":2:")
  end)
end)

-- Runs a program with a script in clang's place.
local function with_clang(body, before)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write("#!/bin/sh\n" .. body)
  file:close()
  os.execute("chmod 755 " .. path)
  local status <const>, out <const>, errors <const> = script.run([==[
local good, e = pcall(require "bpf".BPF, {text = "int probe(void *ctx) { return 0; }",
  cache = false})
print(good, e.op, e.errno, e.message, e.hint)
print(pcall(require "bpf".BPF, {obj = "/nonexistent"}))
print("alive")]==], ("env %s LUABPF_CLANG=%s"):format(before or "", path))
  os.remove(path)
  assert.equal("", errors)
  assert.equal(0, status)
  assert.truthy(out:find("\nalive\n", 1, true), out)
  return out:match("^[^\n]*")
end

describe("a compiler that #any_kernel", function()
  it("crashes is an error, and the process lives", function()
    has(with_clang("echo 'some last words' >&2; kill -SEGV $$"),
      "false\tcompile\t10\tclang was ended by signal 11 (Segmentation fault)")
    has(with_clang("kill -KILL $$"), "clang was ended by signal 9 (Killed)")
    has(with_clang("exit 139"), "clang was ended by signal 11")
    has(with_clang("exit 134"), "clang was ended by signal 6")
  end)

  it("fails without a word is an error", function()
    has(with_clang("exit 3"), "false\tcompile\t22\tclang failed without a word")
    has(with_clang("exit 0"), "false\tcompile\t22\tclang failed without a word")
    has(with_clang("echo nonsense"), "false\tcompile\t22\t")
  end)

  it("does not end is ended", function()
    local started <const> = os.time()
    has(with_clang("exec sleep 100", "LUABPF_CLANG_SECONDS=1"),
      "false\tcompile\t110\tclang did not end within 1 seconds")
    -- the output may be closed, or held by a grandchild
    has(with_clang("exec sleep 100 > /dev/null 2>&1",
    "LUABPF_CLANG_SECONDS=1"), "did not end within")
    has(with_clang("sleep 3 &\nexit 0", "LUABPF_CLANG_SECONDS=1"), "did not end within")
    has(with_clang("while :; do :; done", "LUABPF_CLANG_SECONDS=1"), "did not end within")
    assert.is_true(os.time() - started < 90)
  end)

  it("needs too much memory is ended", function()
    has(with_clang("echo 'LLVM ERROR: out of memory' >&2; kill -ABRT $$",
    "LUABPF_CLANG_MEGABYTES=777"),
      "false\tcompile\t12\tclang needs more than 777 MB of memory")
  end)

  it("writes without end is ended", function()
    has(with_clang("exec cat /dev/zero"), "false\tcompile\t27\tclang makes more than 64 MB")
    has(with_clang("yes complaint | head -c 5000000 >&2; exit 1"), "false\tcompile\t22\t")
  end)
end)
