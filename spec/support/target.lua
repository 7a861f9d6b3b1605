-- The program that specs trace (target.c).
local build <const> = require "spec.support.build"

local target = {}

-- The path of the built program.
function target.path() return build.program("target", "-fno-omit-frame-pointer") end

-- The types of what its functions get, as C.
local source <close> = assert(io.open("spec/support/target.c"))
target.types = source:read("a"):match("\n(struct node {.-)#define"):gsub("%s+", " ") .. "\n"

-- Runs it: count calls of each function.
function target.run(count)
  local pipe <const> = io.popen(("%s %d"):format(target.path(), count))
  local text <const> = pipe:read("a")
  assert(pipe:close(), "the traced program failed")
  assert(text:find("^done"))
end

return target
