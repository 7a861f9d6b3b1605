-- At least 98 % of the programs of BCC's tools compile and pass this kernel's verifier.
local corpus <const> = require "spec.compat.corpus"

local function kernel()
  local file <close> = assert(io.open("/proc/sys/kernel/osrelease"))
  return file:read("l")
end

describe("the programs of BCC's tools", function()
  if not io.open("/usr/sbin/biolatency-bpfcc") then
    pending("compile and load: needs bpfcc-tools to be installed")
    return
  end

  it("compile and load", function()
    local build <const> = os.getenv("LUABPF_BUILD") or "build/release"
    local folder <const> = ("%s/spec/corpus/%s"):format(build, kernel())
    corpus.capture(folder)
    local good, bad <const>, excused <const> = 0, {}, {}
    for _, program in ipairs(corpus.check(folder)) do
      if program.result == "ok" then
        good = good + 1
      elseif program.result ~= "skipped" then
        local excuse <const> = corpus.excuse(program.detail)
        local list <const> = excuse and excused or bad
        list[#list + 1] = ("%s: %s"):format(program.name, excuse or tostring(program.detail))
      end
    end
    print(("%d programs of BCC's tools compile and load, %d do not, %d ask for what is not here")
      :format(good, #bad, #excused))
    print(table.concat(bad, "\n"))
    print(table.concat(excused, "\n"))
    assert.is_true(good > 100)
    assert.is_true(good >= 0.98 * (good + #bad), table.concat(bad, "\n"))
  end)
end)
