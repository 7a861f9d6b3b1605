-- What of clang's object goes: its DWARF, which holds the text of all that it read.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.object"

describe("an object #any_kernel", function()
  local bytes <const> = bpf.compile{text = [[
BPF_HASH(counts, u32, u64);
int count(struct pt_regs *ctx) {
  u32 key = ((struct task_struct *)bpf_get_current_task())->tgid;
  counts.increment(key);
  return 0;
}]]}

  it("holds the lines of the program, and no DWARF", function()
    for _, section in ipairs(object.sections(bytes)) do
      assert.falsy(section.name:find("debug", 1, true), section.name)
    end
    assert.truthy(bytes:find("counts.increment(key);", 1, true))
    assert.falsy(bytes:find("#pragma clang", 1, true))
  end)

  it("is one that other tools read", function()
    local path <const> = os.tmpname()
    local file <const> = assert(io.open(path, "wb"))
    file:write(bytes)
    file:close()
    local pipe <const> = io.popen("readelf -Wsr " .. path .. " 2>&1")
    local text <const> = pipe:read("a")
    pipe:close()
    os.remove(path)
    assert.falsy(text:find("[Ww]arning") or text:find("[Ee]rror"), text)
    assert.truthy(text:find("FUNC +GLOBAL +DEFAULT +%d+ count\n"), text)
    -- the map's address where it is used, its variable in BTF
    assert.equal(1 + 1, select(2, text:gsub("R_BPF[%w_]+ +%x+ +counts\n", "")), text)
  end)
end)
