-- Keys and leaves as text and back, in BCC's form.

local bpf = require "bpf"
local refusal = require "spec.support.refusal"
local trees = require "spec.support.type_trees"

local function misuse(action)
  return refusal.misuse(action, "spec/lua/table_text_spec.lua")
end

describe("the text of keys and leaves #any_kernel", function()
  it("is BCC's", function()
    local b <close> = bpf.BPF [[
struct leaf { u32 a[3]; u32 b; };
struct mixed {
  char name[8]; int low : 3; unsigned high : 5; struct { s64 n; } in; double d; u8 mac[6];
  union { u8 small; u64 large; }; unsigned __int128 wide; };
BPF_HASH(t, u32, struct leaf);
BPF_HASH(mixed, struct mixed, s32);]]
    assert.equal("0x2", b.t:key_sprintf(2))
    assert.equal("{ [ 0x1 0x2 0x3 ] 0x4 }", b.t:leaf_sprintf { a = { 1, 2, 3 }, b = 4 })
    assert.equal(4, b.t:leaf_scanf("{ [ 1 0x2 03 ] 4 }").b)
    assert.equal(255, b.t:key_scanf(" 0xff "))
    local text = '{ "a\\"b\\\\\\x0a" 0x7 0x1f { 0xffffffffffffffff } 0.5 "mac" { 0x12 } '
      .. "0x10000000000000000 }"
    local key = { name = 'a"b\\\n', low = -1, high = 31, ["in"] = { n = -1 }, d = 0.5,
      mac = { 109, 97, 99 }, large = 18, wide = ("\0"):rep(8) .. "\1" .. ("\0"):rep(7) }
    assert.equal(text, b.mixed:key_sprintf(key))
    assert.is_true(b.mixed:key(key) == b.mixed:key_scanf(text))
    assert.equal("0xffffffff", b.mixed:leaf_sprintf(-1))
    assert.equal(-1, b.mixed:leaf_scanf("0xffffffff"))
    assert.equal(-1, b.mixed:leaf_scanf("-1"))
    local empty = '{ "" 0x0 0x0 { 0x0 } 0 "" { 0x0 } 0x0 }'
    assert.equal(empty, b.mixed:key_sprintf {})
    assert.equal(empty, b.mixed:key_sprintf(b.mixed:key_scanf(empty)))
  end)

  it("is refused where it is wrong", function()
    local b <close> = bpf.BPF [[
struct leaf { u32 a[2]; char name[4]; };
BPF_HASH(t, u32, struct leaf);]]
    local cases = {
      ["{ [ 1 2 ] \"abcde\" }"] = "character 16 does not fit into a text of 4 bytes",
      ["{ [ 1 ] \"a\" }"] = "an integer expected at character 7",
      ["{ [ 1 2 ] \"a\""] = "'}' expected at character 14",
      ["{ [ 1 2 ] \"a"] = "'\"' expected at character 13",
      ["[ 1 2 ]"] = "'{' expected at character 1",
      ["{ [ 1 2 ] \"a\" } x"] = "the end expected at character 17",
      ["{ [ 1 0x100000000 ] \"a\" }"] = "4294967296 does not fit",
      [""] = "'{' expected at character 1",
    }
    for text, message in pairs(cases) do
      assert.truthy(misuse(function() b.t:leaf_scanf(text) end):find(message, 1, true), text)
    end
    assert.truthy(misuse(function() b.t:key_scanf "99999999999999999999" end)
      :find("an integer expected", 1, true))
  end)

  it("reads back whatever it writes", function()
    local set = trees.generate(4099, 40)
    local text = { set.text }
    for i, type in ipairs(set.types) do
      text[#text + 1] = ("BPF_TABLE(\"hash\", u32, %s, table%d, 4);"):format(type.name, i)
    end
    local b <close> = bpf.BPF { text = table.concat(text, "\n") }
    for i, type in ipairs(set.types) do
      local t = b["table" .. i]
      for _ = 1, 10 do
        local written = t:leaf_sprintf((trees.value(set, type)))
        assert.equal(written, t:leaf_sprintf(t:leaf_scanf(written)))
      end
    end
  end)
end)
