-- Some tools beside BCC's of the same name: spec/compat/beside_bcc.lua compares them all.
local bpf <const> = require "bpf"
local bcc <const> = require "spec.support.bcc"
local beside <const> = require "spec.compat.beside"

describe("beside BCC's", function()
  local folder <const> = os.tmpname() -- becomes a folder, of BCC's headers

  lazy_setup(function() os.remove(folder) end)
  lazy_teardown(function() os.execute("rm -rf " .. folder) end)

  for _, name in ipairs{"syscount", "funccount"} do
    it(name .. " counts the same #any_kernel", function()
      local missing <const> = bcc.missing(name) or bpf.features().uprobe.reason
      if missing then return pending(missing) end
      local result <const> = beside.compare(assert(beside.find(name)), folder)
      assert.is_nil(result.problem)
      assert.equal(result.expected, result.ours)
      assert.equal(result.expected, result.bcc)
    end)
  end
end)
