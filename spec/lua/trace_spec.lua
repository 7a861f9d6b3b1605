-- Formats of trace_print.

require "bpf"
local trace = require "bpf.trace"

describe("the format of trace_print", function()
  local function format(fmt)
    return trace.format(fmt, "bash", 17, 3, "d..21", 1234.5, "hello: {x}")
  end

  it("puts fields in place of numbers", function()
    assert.equal("17 hello: {x}", format("{1} {5}"))
    assert.equal("bash-17 [3] d..21 1234.5:", format("{0}-{1} [{2}] {3} {4}:"))
    assert.equal("nothing", format("nothing"))
    assert.equal("{17}", format("{{{1}}}"))
  end)

  it("knows width, precision and kind", function()
    assert.equal("bash      |   17|17   |", format("{0:10}|{1:5}|{1:<5}|"))
    assert.equal("1234.500|11|ba", format("{4:.3f}|{1:x}|{0:.2}"))
    assert.equal("  bash", format("{0:>6}"))
  end)

  it("is refused when it is wrong", function()
    assert.error_matches(function() format("{6}") end, "fields are {0} to {5}")
    assert.error_matches(function() format("{name}") end, "is not understood")
    assert.error_matches(function() format("{1") end, "is not understood")
    assert.error_matches(function() format("{1:q}") end, "is no format")
  end)
end)
