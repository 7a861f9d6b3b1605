-- How a kprobe program is rewritten for fentry: which uses of its context are followed, and which
-- make it stay a kprobe. Needs no kernel: the rewriting is called on assembled programs.
local build <const> = require "spec.support.build"

local more <const> = "it does more with its context than to load arguments or the result"
local others <const> = "it reads other registers than those of the arguments"

-- Offsets in pt_regs of x86-64: di 112, si 104, dx 96, cx 88, ax 80, sp 152.
local cases <const> = {
  loads = {"r2 = *(u64*)(r1 + 112); r3 = *(u32*)(r1 + 104); r4 = *(u64*)(r1 + 96)", "0 8 16"},
  low_bytes = {"r2 = *(u8*)(r1 + 112); r3 = *(u16*)(r1 + 96)", "0 16"},
  high_half = {"r2 = *(u32*)(r1 + 116)", others},
  too_wide = {"r2 = *(u64*)(r1 + 104)", "it reads more bytes of an argument than that has"},
  too_many = {"r2 = *(u64*)(r1 + 88)", others},
  stack_pointer = {"r2 = *(u64*)(r1 + 152)", others},
  copied = {"r6 = r1; call 14; r2 = *(u64*)(r6 + 112)", "0"},
  copy_overwritten = {"r6 = r1; r6 = r10; r2 = *(u64*)(r6 - 8)", "-8"},
  spilled = {"*(u64*)(r10 - 16) = r1; call 14; r7 = *(u64*)(r10 - 16); r2 = *(u64*)(r7 + 96)",
    "-16 16"},
  spilled_elsewhere = {"r2 = r10; r2 += -16; *(u64*)(r2 + 0) = r1", more},
  spill_broken = {"*(u64*)(r10 - 16) = r1; *(u32*)(r10 - 12) = r10;"
    .. "r7 = *(u64*)(r10 - 16); r2 = *(u64*)(r7 + 96)", more},
  spill_replaced = {"*(u64*)(r10 - 8) = r1; *(u64*)(r10 - 8) = r10; r7 = *(u64*)(r10 - 8);"
    .. "r2 = *(u64*)(r7 - 16)", "-8 -16"},
  added = {"r6 = r1; r6 += 96; r2 = *(u64*)(r6 + 0)", more},
  compared = {"if r1 == 0 goto +0", more},
  stored = {"call 14; r2 = r10; *(u64*)(r2 - 8) = r6", ""},
  either = {"r6 = r1; r2 = *(u64*)(r1 + 112); if r2 == 0 goto +1; r6 = r10;"
    .. "r3 = *(u64*)(r6 + 96)", more},
  on_both_ways = {"r2 = *(u64*)(r1 + 112); if r2 == 0 goto +1; r3 = *(u64*)(r1 + 96);"
    .. "r4 = *(u32*)(r1 + 104)", "0 16 8"},
  in_a_loop = {"r6 = r1; r7 = 5; r2 = *(u64*)(r6 + 112); r7 += -1; if r7 != 0 goto -3", "0"},
  changed_in_a_loop = {"r6 = r1; r7 = 5; r2 = *(u64*)(r6 + 112); r6 = r10; r7 += -1;"
    .. "if r7 != 0 goto -4", more},
  left_over = {"call 14; call 5", ""},
  output = {"r2 = 0; r3 = 0; r4 = r10; r5 = 0; call 25", ""},
  place = {"call 173", ""},
  stack = {"r2 = 0; r3 = 0; call 27", "it takes stack traces, which would begin inside the probe"},
  tail = {"r2 = 0; r3 = 0; call 12", "it calls another program"},
  copied_whole = {"r3 = r1; r1 = r10; r1 += -8; r2 = 8; call 113", more},
  unknown_helper = {"call 999", more},
  at_return = {"r2 = *(u64*)(r1 + 80)", "24"},
  at_return_low = {"r2 = *(u32*)(r1 + 80)", "24"},
  at_return_argument = {"r2 = *(u64*)(r1 + 112)",
    "it reads other registers than that of the result"},
  in_place = {"r2 = *(u64*)(r1 + 104); r3 = *(u64*)(r1 + 88); r4 = *(u32*)(r1 + 112)",
    "104 88 112"},
  in_place_result = {"r2 = *(u64*)(r1 + 80)", others},
  in_place_stack = {"r2 = 0; r3 = 0; call 27",
    "it takes stack traces, which would begin inside the probe"},
}

local function run(command)
  local pipe <const> = io.popen(command .. " 2>&1")
  local output <const> = pipe:read("a")
  assert(pipe:close(), output)
  return output
end

describe("the fentry form of a kprobe program #any_kernel", function()
  local results <const> = {}

  setup(function()
    local source <const> = {}
    for name, case in pairs(cases) do
      local lines <const> = {}
      for line in (case[1] .. "; r0 = 0; exit"):gmatch("[^;]+") do
        lines[#lines + 1] = ('"%s\\n"'):format(line)
      end
      source[#source + 1] = ('__attribute__((naked, section("kprobe/%s"))) int %s(void)\n'
        .. '{ asm volatile(%s); }\n'):format(name, name, table.concat(lines, " "))
    end
    local object <const> = os.tmpname()
    local clang <const> = assert(io.popen("clang-19 -target bpf -O2 -x c -c -o " .. object .. " -",
      "w"))
    clang:write(table.concat(source))
    assert(clang:close())
    local program <const> = build.program("tracing_form",
      "-D_GNU_SOURCE -Icore core/kernel/tracing_form.c core/base/architecture.c -lbpf")
    for line in run(program .. " " .. object):gmatch("[^\n]+") do
      local name <const>, result <const> = line:match("^([%w_]+): ?(.*)$")
      if name then results[name] = result end
    end
    os.remove(object)
  end)

  for name, case in pairs(cases) do
    it("is right for the case " .. name, function() assert.equal(case[2], results[name]) end)
  end
end)
