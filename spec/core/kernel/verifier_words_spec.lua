-- Rejections that this machine's kernel may not give, from logs that kernels did give (logs/*.txt):
-- message, where and hint are those of the golden file. After a change of words:
-- LUABPF_GOLDEN=write luabpf test --native spec/core/kernel/verifier_words_spec.lua
local build <const> = require "spec.support.build"

local folder <const> = "spec/core/kernel/logs/"
local golden <const> = folder .. "golden.md"

local function output_of(command)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  assert(pipe:close(), command)
  return text
end

local function explained()
  local rooms <const> = "core/kernel/verifier_log.c core/kernel/verifier_hints.c "
    .. "core/kernel/helper_versions.c core/base/buffer.c core/base/error.c"
  local program <const> = build.program("explain", "-D_GNU_SOURCE -Icore " .. rooms)
  local parts <const> = {}
  for name in output_of("ls " .. folder):gmatch("(%S+)%.txt") do
    parts[#parts + 1] = ("## %s\n%s"):format(name,
      output_of(("%s %s%s.txt"):format(program, folder, name)))
  end
  return table.concat(parts, "\n")
end

describe("a verifier's log", function()
  it("is explained in the words of the golden file", function()
    if os.getenv("LUABPF_SLOW") then return pending("needs no other kernel: logs are texts") end
    local text <const> = explained()
    if os.getenv("LUABPF_GOLDEN") == "write" then
      local out <const> = assert(io.open(golden, "w"))
      out:write(text)
      out:close()
    end
    local file <const> = assert(io.open(golden))
    local expected <const> = file:read("a")
    file:close()
    assert.equal(expected, text)
  end)
end)
