-- Hostile and absurd sources: a result or one error, within bounds of time and memory.
local bpf <const> = require "bpf"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

local slow <const> = tonumber(os.getenv("LUABPF_SLOW") or 1)

local function clock()
  local file <const> = assert(io.open("/proc/uptime"))
  local seconds <const> = file:read("n")
  file:close()
  return seconds
end

local function size_mb()
  local file <const> = assert(io.open("/proc/self/status"))
  local kb <const> = file:read("a"):match("VmHWM:%s*(%d+)")
  file:close()
  return kb // 1024
end

-- Compiles; gives the error, or nil when it is a program after all.
local function outcome(text, cflags)
  local started <const> = clock()
  local good <const>, result <const> = pcall(bpf.BPF, {text = text, cflags = cflags, cache = false,
    auto_attach = false})
  assert.is_true(clock() - started < 30 * slow, "it took " .. clock() - started .. " s")
  assert.is_true(size_mb() < 600, "it took " .. size_mb() .. " MB")
  if good then
    result:close()
    return nil
  end
  assert.equal("table", type(result), tostring(result))
  assert.is_true(#tostring(result) < 1500, tostring(result))
  return result
end

-- The same in a process of its own, which gives the compiler less.
local function limited(text, seconds, megabytes)
  local path <const> = os.tmpname()
  local file <const> = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local started <const> = clock()
  local status <const>, out <const>, errors <const> = script.run(([==[
local good, e = pcall(require "bpf".BPF, {src_file = "%s", cache = false})
print(good, e.op, e.errno, e)]==]):format(path),
    ("env LUABPF_CLANG_SECONDS=%d LUABPF_CLANG_MEGABYTES=%d"):format(seconds, megabytes),
    (seconds + 20) * slow)
  os.remove(path)
  assert.equal("", errors)
  assert.equal(0, status)
  assert.is_true(clock() - started < (seconds + 15) * slow)
  return out
end

local function lines(count, format)
  local list <const> = {}
  for i = 1, count do list[i] = format:format(i, i) end
  return table.concat(list, "\n")
end

local probe <const> = "\nint probe(void *ctx) { return 0; }\n"

describe("no program at all #any_kernel", function()
  it("is one without functions", function()
    for _, text in ipairs{ "", "\n", " ", ";", "// nothing", "/* nothing */", "int number;",
      "struct only { int a; };", "#define NOTHING", "BPF_HASH(table_only, u32);" } do
      assert.is_nil(outcome(text), text)
    end
  end)
end)

describe("bytes that are no text #any_kernel", function()
  it("are passed over in comments and strings, and refused elsewhere", function()
    assert.is_nil(outcome("// \xff\xfe\xc3\x28" .. probe))
    assert.is_nil(outcome("static char s[] = \"\xff\xfe\";" .. probe))
    assert.truthy(outcome("int \xff\xfe;" .. probe).message:find("UTF-8", 1, true))
    assert.truthy(outcome(("\0\1\2\255\200"):rep(200000)))
    assert.truthy(outcome(("\x7fELF"):rep(1000)))
  end)

  it("with zeros among them do not end the program early", function()
    assert.is_nil(outcome(probe .. "\0\0\0" .. "int second(void *ctx) { return 1; }"))
    assert.truthy(outcome(probe .. "\0\0\0" .. "int second(void *ctx) { return nowhere; }"))
  end)
end)

describe("very many #any_kernel", function()
  it("lines of comment, blank or functions are compiled", function()
    assert.is_nil(outcome(("// nothing\n"):rep(100000) .. probe))
    assert.is_nil(outcome(("\n"):rep(1000000) .. probe))
    assert.is_nil(outcome(lines(100000, "static int f%d(int a) { return a + %d; }") .. probe))
    assert.is_nil(outcome(lines(100000, "#define M%d %d") .. probe))
  end)

  it("statements are compiled or end at the time limit", function()
    local out <const> = limited("int probe(struct pt_regs *ctx) {\nu64 x = PT_REGS_PARM1(ctx);\n"
      .. lines(100000, "x += %d * (x ^ %d);") .. "\nreturn x;\n}", 5, 4096)
    assert.truthy(out:find("^true") or out:find("did not end within 5 seconds", 1, true), out)
  end)

  it("errors make one short message", function()
    local e <const> = outcome("int probe(void *ctx) {\n" .. ("  wrong;\n"):rep(100000) .. "}")
    assert.is_true(#e.log < 1 << 20)
  end)
end)

describe("very deep #any_kernel", function()
  it("nesting is refused", function()
    local deep <const> = 100000
    for _, text in ipairs{
      "int probe(void *ctx) { return " .. ("("):rep(deep) .. "1" .. (")"):rep(deep) .. "; }",
      "int probe(void *ctx) " .. ("{"):rep(deep) .. ("}"):rep(deep),
      "int probe(struct pt_regs *ctx) { " .. ("if (ctx->ip) {"):rep(5000) .. ("}"):rep(5000) .. "}",
      ("struct {"):rep(20000) .. "int a;" .. ("} x;"):rep(20000),
      "int " .. ("*"):rep(deep) .. "x;",
      ("#if 1\n"):rep(deep) .. probe,
    } do
      assert.truthy(outcome(text), text:sub(1, 60))
    end
  end)

  it("includes end", function()
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "w"))
    file:write(("#include \"%s\"\n"):format(path))
    file:close()
    local e <const> = outcome(("#include \"%s\"\n"):format(path) .. probe)
    os.remove(path)
    assert.truthy(e.message:find("nested too deeply", 1, true), e.message)
    assert.equal(path .. ":1", e.where)
  end)
end)

describe("very long #any_kernel", function()
  it("lines, names, strings and macros are compiled or refused", function()
    outcome("int probe(void *ctx) { return 0" .. ("+1"):rep(500000) .. "; }")
    outcome("#define SUM " .. ("1+"):rep(500000) .. "1\nint probe(void *ctx) { return SUM; }")
    outcome("#define LIST " .. ("1,"):rep(500000) .. "\nstatic int list[] = { LIST };" .. probe)
    outcome("int " .. ("a"):rep(1000000) .. ";" .. probe)
    outcome("static char s[] = \"" .. ("a"):rep(5000000) .. "\";" .. probe)
    outcome("//" .. (" \\\n"):rep(100000) .. probe)
  end)

  it("data is refused", function()
    local e <const> = outcome("char big[1 << 30] = {1};" .. probe)
    assert.equal(27, e.errno)
    assert.truthy(outcome("char big[1L << 40]; int probe(void *ctx) { return big[5]; }"))
    assert.truthy(limited("char big[1 << 30] = {1};" .. probe, 60, 700)
      :find("clang needs more than 700 MB of memory", 1, true))
  end)
end)

describe("macros that grow without end #any_kernel", function()
  local function doubling(first, count)
    local list <const> = { "#define L0 " .. first }
    for i = 1, count do list[#list + 1] = ("#define L%d L%d L%d"):format(i, i - 1, i - 1) end
    return table.concat(list, "\n") .. "\n"
  end

  it("end at a limit", function()
    local out <const> = limited(doubling("x = x * 3 + y;", 32)
      .. "int probe(struct pt_regs *ctx) { u64 x = ctx->ip, y = ctx->sp; L32 return x; }", 4, 2048)
    assert.truthy(out:find("did not end within 4 seconds", 1, true)
      or out:find("more than 2048 MB", 1, true), out)
  end)

  it("that nobody uses cost nothing", function()
    assert.is_nil(outcome(doubling("x", 60) .. probe))
  end)

  it("and loops unrolled without end, too", function()
    local out <const> = limited([[
int probe(struct pt_regs *ctx) {
  u64 x = ctx->ip;
  #pragma unroll
  for (int i = 0; i < 1000000; i++) x = x * 3 + i * ctx->sp;
  return x;
}]], 4, 4096)
    assert.truthy(out:find("did not end within 4 seconds", 1, true), out)
  end)
end)

describe("an include of #any_kernel", function()
  it("a folder is not found", function()
    local e <const> = outcome("#include \"/tmp\"" .. probe)
    assert.truthy(e.message:find("'/tmp' file not found", 1, true))
    assert.truthy(outcome("#include \"core\"" .. probe))
    assert.truthy(outcome("#include <core>" .. probe, {"-I."}))
  end)

  it("a device is refused at its line", function()
    local e <const> = refusal.of(function()
      bpf.BPF{text = "\n\n#include \"/dev/zero\"" .. probe}
    end)
    assert.equal("'/dev/zero' cannot be included: it is no regular file", e.message)
    assert.equal("text.c:3", e.where)
  end)

  it("a pipe is refused, wherever it lies", function()
    local folder <const> = os.tmpname()
    os.remove(folder)
    assert(os.execute(("mkdir %s && mkfifo %s/pipe.h"):format(folder, folder)))
    local absolute <const> = outcome(("#include \"%s/pipe.h\""):format(folder) .. probe)
    local found <const> = outcome("#include <pipe.h>" .. probe, {"-I" .. folder})
    local computed <const> = limited(("#define NAME \"%s/pipe.h\"\n#include NAME"):format(folder)
      .. probe, 1, 4096)
    os.execute("rm -r " .. folder)
    assert.truthy(absolute.message:find("no regular file", 1, true))
    assert.truthy(found.message:find("no regular file", 1, true))
    assert.truthy(computed:find("did not end within 1 seconds", 1, true), computed)
  end)
end)
