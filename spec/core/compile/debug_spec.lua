-- The dump of each debug flag, on stderr.
local script <const> = require "spec.support.script"

local function dumped(flags, before)
  local status <const>, out <const>, errors <const> = script.run(([==[
local bpf = require "bpf"
local b <close> = bpf.BPF{debug = %d, auto_attach = false, text = [[
BPF_HASH(counts, u32);
int on_call(struct pt_regs *ctx) {
  counts.increment(PT_REGS_PARM1(ctx));
  return 7;
}
]]}
b:load_func("on_call", bpf.BPF.KPROBE)]==]):format(flags), before)
  assert.equal(0, status, errors)
  assert.equal("", out)
  return errors
end

local function has(text, pattern)
  assert.truthy(text:find(pattern), ("%q is not in:\n%s"):format(pattern, text:sub(1, 2000)))
end

describe("the debug flag #any_kernel", function()
  it("0 prints nothing", function()
    assert.equal("", dumped(0))
  end)

  it("1 prints the IR of LLVM", function()
    local text <const> = dumped(1)
    has(text, "define [^\n]*@on_call%(")
    has(text, "ret i32 7")
  end)

  it("2 prints the verifier's log", function()
    has(dumped(2), "processed %d+ insns")
  end)

  it("4 prints what the compiler reads, with the user's names", function()
    local text <const> = dumped(4)
    has(text, "return 7;")
    has(text, "struct pt_regs {")
    has(text, "# %d+ \"script\"")
    assert.falsy(text:find("/proc/self/fd", 1, true))
  end)

  it("8 prints the instructions between the source lines", function()
    local text <const> = dumped(8)
    if text:find("llvm-objdump is not installed", 1, true) then
      return pending("needs llvm-objdump")
    end
    has(text, ";   return 7;\n[^\n]*= 0?x?7\n[^\n]*exit")
    has(text, ";   counts%.increment%(PT_REGS_PARM1%(ctx%)%);\n")
  end)

  it("16 prints the verifier's registers", function()
    has(dumped(16), "R1=ctx")
  end)

  it("32 prints the types", function()
    local text <const> = dumped(32)
    has(text, "struct pt_regs {\n")
  end)

  it("any prints what the stages took and made", function()
    for _, flags in ipairs{ 1, 2, 4, 8, 16, 32, 63 } do
      local text <const> = "\n" .. dumped(flags)
      has(text, "\nluabpf: kernel types: [%d.]+ ms, %d+ bytes of C\n")
      has(text, "\nluabpf: clang: [%d.]+ ms, of which the plugin [%d.]+ ms\n")
      has(text, "\nluabpf: code: %d+ instructions, %d+ bytes of object\n")
    end
  end)
end)
