-- bpf_trace_printk in all its forms, and what is said about formats that the kernel refuses.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local target <const> = require "spec.support.target"

local features <const> = bpf.features()
local missing <const> = not features.uprobe.available and features.uprobe.reason
  or not features.tracefs.available and features.tracefs.reason

local function it_with_tracing(name, test)
  it(name, missing and function() pending("needs uprobes and tracefs: " .. missing) end or test)
end

local tag <const> = "luabpf_printk_" .. process.own_pid()

-- What the statements print when answer(0) is called, without the tag.
local function printed(statements)
  local b <close> = bpf.BPF{text = ([[
static const char constant[] = "constant";
int on_answer(struct pt_regs *ctx, unsigned long question) {
  char name[8] = "array";
  u64 large = 0x123456789abcdefull;
  %s
  bpf_trace_printk("TAG end\n");
  return 0;
}]]):format(statements):gsub("TAG", tag)}
  b:attach_uprobe{name = target.path(), sym = "answer", fn_name = "on_answer"}
  while b:trace_readline{nonblocking = true} do end -- what others left there
  target.run(1)
  local lines <const> = {}
  local ended = false
  process.wait_until(function()
    for line in function() return b:trace_readline{nonblocking = true} end do
      local text <const> = line:match(tag .. " (.*)")
      ended = ended or text == "end"
      if text and text ~= "end" then lines[#lines + 1] = text end
    end
    return ended
  end)
  return lines
end

-- What the compiler says about the statement, or "".
local function warned(statement)
  local script <const> = os.tmpname()
  local file <const> = assert(io.open(script, "w"))
  file:write(([=[
package.path, package.cpath = %q, %q
local bpf = require "bpf"
bpf.BPF{text = [[
int program(struct pt_regs *ctx, unsigned long value) {
  %s
  return 0;
}]], debug = bpf.DEBUG_SOURCE, auto_attach = false}
]=]):format(package.path, package.cpath, statement))
  file:close()
  local status <const>, out <const>, errors <const> = process.run("lua5.4 " .. script)
  os.remove(script)
  assert.equal(0, status, errors)
  return (out .. errors):match("[^\n]*warning: [^\n]*") or ""
end

describe("bpf_trace_printk", function()
  it_with_tracing("takes none to twelve values", function()
    assert.same({"nothing", "one 1", "1 2 3", "1 2 3 4", "1 2 3 4 5 6 7 8 9 10 11 12"}, printed[[
  bpf_trace_printk("TAG nothing\n");
  bpf_trace_printk("TAG one %d\n", 1);
  bpf_trace_printk("TAG %d %d %d\n", 1, 2, 3);
  bpf_trace_printk("TAG %d %d %d %d\n", 1, 2, 3, 4);
  bpf_trace_printk("TAG %d %d %d %d %d %d %d %d %d %d %d %d\n", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                   12);]])
  end)

  it_with_tracing("takes every width, and strings", function()
    local expected <const> = {"-3 3000000000 123456789abcdef", "z array constant",
      "literal 81985529216486895 %"}
    assert.same(expected, printed[[
  bpf_trace_printk("TAG %d %u %llx\n", -3, 3000000000u, large);
  bpf_trace_printk("TAG %c %s %s\n", 'z', name, constant);
  bpf_trace_printk("TAG %s %lld %%\n", "literal", large);]])
  end)

  it_with_tracing("takes libbpf's form, and BCC's array", function()
    assert.same({"raw 7", "sized 8 9", "printk 10"}, printed[[
  char raw[] = "TAG raw %d\n";
  static const char sized[] = "TAG sized %d %d\n";
  bpf_trace_printk(raw, sizeof(raw), 7);
  bpf_trace_printk(sized, sizeof(sized), 8, 9);
  bpf_printk("TAG printk %d\n", 10);]])
  end)

  it("warns at the user's line of what the kernel would not print", function()
    assert.truthy(warned[[bpf_trace_printk("%f\n", value);]]:find(
      ":5:3: warning: only %%c %%d .* conversion specifiers allowed"))
    for _, format in ipairs{ "%hd", "%llld", "%lf", "%lp", "%q", "%" } do
      assert.truthy(warned(("bpf_trace_printk(\"%s\", value);"):format(format))
        :find("only %c", 1, true), format)
    end
    assert.truthy(warned[[bpf_trace_printk("caf\xc3\xa9\n");]]:find("unrecognized character"))
    assert.truthy(warned[[bpf_trace_printk("%d %d\n", value);]]:find(
      "asks for 2 values and 1 are given: the kernel prints nothing", 1, true))
    assert.truthy(warned[[bpf_trace_printk("%d\n", value, 2);]]:find("1 values and 2", 1, true))
  end)

  it("is silent about what the kernel prints", function()
    assert.equal("", warned[[bpf_trace_printk("%-5d|%05u|%llx|%pS|%pI4|%s|%c|%p %%\n", (int)value,
      1, 2ull, value, &value, "s", 'c', value);]])
  end)

  it("refuses thirteen values, and formats without a size", function()
    for statement, reason in pairs{
      ["bpf_trace_printk(\"x\", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13);"] = "at most 12",
      ["char format[] = \"x\"; bpf_trace_printk(format);"] = "format as a literal",
    } do
      local good <const>, e <const> = pcall(bpf.BPF, {auto_attach = false,
        text = "int program(struct pt_regs *ctx) {\n" .. statement .. "\nreturn 0;\n}"})
      assert.is_false(good)
      assert.truthy(e.message:find(reason, 1, true), e.message)
      assert.truthy(e.where:find(":2$"), e.where)
    end
  end)
end)
