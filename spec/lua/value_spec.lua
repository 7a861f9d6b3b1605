-- Struct values: every kind of C member, read and written; what does not fit is refused by name.

local bpf = require "bpf"
local object = require "spec.support.value_object"

local program = [[
enum color { RED = -1, BLUE = 5 };
struct inner { int a; u8 mac[6]; };
typedef char name_t[16];
struct all {
  u64 count; struct inner in; int b1 : 3; unsigned b2 : 5;
  union { int x; float f; };
  _Bool ok; enum color color; double d; __int128 big; void *pointer;
  char words[2][4]; short numbers[3]; struct inner pair[2]; name_t name; signed char small; long l;
} ;
struct packed { u16 a; u32 b; } __attribute__((packed));
struct names { u32 copy; u32 bytes; };
union either { u32 number; u8 bytes[4]; };
struct { __uint(type, HASH); __type(key, u32); __type(value, struct all); __uint(max_entries, 9); }
  all SEC(".maps");
struct { __uint(type, HASH); __type(key, struct packed); __type(value, union either);
  __uint(max_entries, 9); } packed SEC(".maps");
struct { __uint(type, HASH); __type(key, u32); __type(value, struct names);
  __uint(max_entries, 9); } names SEC(".maps");
]]

describe("a struct value", function()
  local path, b, leaf

  setup(function() path = object.compile(program) end)
  teardown(function() os.remove(path) end)

  before_each(function()
    b = bpf.BPF { obj = path }
    leaf = b.all:leaf()
  end)

  after_each(function()
    b:close()
  end)

  local function store(field, value)
    leaf[field] = value
    b.all[1] = leaf
    local stored = b.all[1][field]
    return type(stored) == "userdata" and stored:totable() or stored
  end

  it("keeps the 64 bits of an unsigned integer", function()
    assert.equal(-1, store("count", -1))
    assert.equal(math.mininteger, store("count", math.mininteger))
    assert.truthy(tostring(leaf):find("count=9223372036854775808", 1, true))
  end)

  it("extends signs, not zeros", function()
    assert.equal(-128, store("small", -128))
    assert.equal(-4, store("b1", -4))
    assert.equal(31, store("b2", 31))
    assert.equal(-1, store("color", -1))
    assert.equal(math.mininteger, store("l", math.mininteger))
  end)

  it("leaves the neighbours of a bit field alone", function()
    leaf.b1, leaf.b2 = -1, 0
    assert.equal(0, leaf.b2)
    leaf.b1, leaf.b2 = 0, 31
    assert.equal(0, leaf.b1)
  end)

  it("has booleans, floating-point numbers and pointers", function()
    assert.is_true(store("ok", true))
    assert.is_false(store("ok", 0))
    assert.equal(2.25, store("d", 2.25))
    assert.equal(1.5, store("f", 1.5))
    assert.equal(0x3fc00000, leaf.x)
    assert.equal(math.huge, store("f", math.huge))
    assert.error_matches(function() leaf.f = 1e39 end, "1e%+39 does not fit into a float")
    assert.equal(0xffff888000000000, store("pointer", 0xffff888000000000))
  end)

  it("takes enumerators by name, and names them", function()
    assert.equal(5, store("color", "BLUE"))
    assert.equal("BLUE", leaf:enumerator("color"))
    assert.truthy(tostring(leaf):find("color=BLUE", 1, true))
    leaf.color = 4
    assert.is_nil(leaf:enumerator("color"))
    assert.truthy(tostring(leaf):find("color=4", 1, true))
    assert.error_matches(function() leaf:enumerator("count") end, "'count' is no enum")
    assert.error_matches(function() leaf:enumerator("colour") end, "did you mean 'color'")
    assert.error_matches(function() leaf.color = "GREEN" end, "enumerator's name expected")
  end)

  it("gives 128-bit integers as 16 bytes", function()
    assert.equal(("\255"):rep(16), store("big", -1))
    assert.equal("0123456789abcdef", store("big", "0123456789abcdef"))
    leaf.big = 255
    assert.truthy(tostring(leaf):find("big=0xff,", 1, true))
    leaf.big = ("\1"):rep(15) .. "\x80"
    assert.truthy(tostring(leaf):find("big=0x800101010101010101010101010101", 1, true))
  end)

  it("cuts strings at their end", function()
    assert.equal("bash", store("name", "bash"))
    assert.equal(("x"):rep(16), store("name", ("x"):rep(16)))
    assert.equal("ab" .. ("\0"):rep(14), (store("name", "ab") and leaf:bytes("name")))
  end)

  it("has arrays of strings, numbers and structs", function()
    assert.same({ "ab", "cdef" }, store("words", { "ab", "cdef" }))
    assert.same({ 1, -2, 0 }, store("numbers", { 1, -2 }))
    assert.same({ 1, 2, 3, 4, 5, 6 }, store("in", { mac = "\1\2\3\4\5\6" }).mac)
    assert.equal(-7, store("pair", { {}, { a = -7 } })[2].a)
  end)

  it("writes through to nested structs and arrays", function()
    leaf["in"].a = 42
    leaf["in"].mac[6] = 255
    leaf.pair[2].a = 43
    leaf.pair[1] = { a = 44 }
    leaf.pair[2].mac = leaf["in"].mac
    leaf.numbers[3] = -5
    leaf.words[2] = "wxyz"
    b.all[1] = leaf
    leaf = b.all[1]
    assert.equal(42, leaf["in"].a)
    assert.equal(43, leaf.pair[2].a)
    assert.equal(44, leaf.pair[1].a)
    assert.same({ 0, 0, 0, 0, 0, 255 }, leaf.pair[2].mac:totable())
    assert.same({ 0, 0, -5 }, leaf.numbers:totable())
    assert.same({ "", "wxyz" }, leaf.words:totable())
  end)

  it("has arrays that work as Lua's do, within their bounds", function()
    local numbers = leaf.numbers
    leaf.numbers = { 3, 1, 2 }
    table.sort(numbers)
    assert.equal(3, #numbers)
    assert.same({ 1, 2, 3 }, { table.unpack(numbers) })
    assert.equal("1 2 3", table.concat(numbers, " "))
    assert.equal("[1, 2, 3]", tostring(numbers))
    local walked = {}
    for i, number in ipairs(numbers) do walked[i] = number end
    for i, number in pairs(numbers) do walked[i] = walked[i] * 10 + number end
    assert.same({ 11, 22, 33 }, walked)
    assert.is_nil(numbers[4])
    assert.error_matches(function() return numbers[0] end, "count from 1: there is no element 0")
    assert.error_matches(function() numbers[4] = 1 end, "no element 4 in an array of 3")
    assert.error_matches(function() numbers[1 << 32 | 1] = 1 end, "no element 4294967297")
    assert.error_matches(function() return numbers.first end, "elements 1 to 3, not 'first'")
    assert.error_matches(function() numbers[2] = 40000 end, "%[2%]: 40000 does not fit")
    assert.error_matches(function() leaf.pair[1].mca = 1 end, "did you mean 'mac'")
  end)

  it("has arrays that are copied, compared, and stored where their elements fit", function()
    leaf.numbers = { 1, 2, 3 }
    local copy, other = leaf.numbers:copy(), b.all:leaf { numbers = { 1, 2, 3 } }
    assert.is_true(copy == other.numbers)
    copy[1] = 9
    assert.equal(1, leaf.numbers[1])
    assert.is_false(copy == leaf.numbers)
    assert.equal("\9\0\2\0\3\0", copy:bytes())
    leaf.numbers = copy
    leaf.numbers = leaf.numbers
    assert.same({ 9, 2, 3 }, leaf.numbers:totable())
    assert.error_matches(function() leaf.numbers = leaf.words end,
      "short%[3%] expected, got one of char%[2%]%[4%]")
    assert.error_matches(function() leaf.numbers = leaf["in"] end, "got one of struct inner")
    assert.error_matches(function() leaf["in"] = leaf.numbers end, "got one of short%[3%]")
    local numbers = leaf.numbers
    b:close()
    leaf = nil
    collectgarbage()
    assert.equal(9, numbers[1])
  end)

  it("refuses what does not fit, and names the field", function()
    local function refused(pattern, fn)
      assert.error_matches(fn, pattern)
    end
    refused("has no field 'cuont'; did you mean 'count'%?", function() leaf.cuont = 1 end)
    refused("has no field 'cuont'; did you mean 'count'%?", function() return leaf.cuont end)
    refused("b1: 4 does not fit %(from %-4 to 3%)", function() leaf.b1 = 4 end)
    refused("words%[2%]: a string of 5 bytes does not fit into char%[4%]", function()
      leaf.words = { "", "abcde" }
    end)
    refused("pair: 3 elements do not fit into an array of 2", function()
      leaf.pair = { {}, {}, {} }
    end)
    refused("in%.a: .* does not fit", function() leaf["in"] = { a = 1 << 40 } end)
    refused("pair%[2%]: no field 'mca'; did you mean 'mac'", function()
      leaf.pair = { {}, { mca = 1 } }
    end)
    refused("count: an integer expected, got string", function() leaf.count = "1" end)
    refused("count: the number has no integer", function() leaf.count = 1.5 end)
    refused("d: a number expected, got boolean", function() leaf.d = true end)
    refused("key of table 'packed'.b: %-1 does not fit", function()
      b.packed[{ a = 1, b = -1 }] = { number = 1 }
    end)
    refused("a union takes one", function() b.packed[{}] = { number = 1, bytes = {} } end)
    refused("a union takes one", function() b.all[1] = { x = 1, f = 2.5 } end)
    refused("numbers: an array has elements 1, 2, … and nothing else", function()
      leaf.numbers = { 1, 2, [0] = 7 }
    end)
    refused("numbers: element 3 is given, but none before it", function()
      leaf.numbers = { [3] = 7 }
    end)
    refused("did you mean 'number'", function() b.packed[{}] = { numbr = 1 } end)
    refused("struct packed expected, got one of struct all", function() b.packed[leaf] = {} end)
  end)

  it("follows the compiler's layout of packed structs", function()
    b.packed[{ a = 0x1234, b = 0x89abcdef }] = { bytes = { 1, 2, 3, 4 } }
    local key = b.packed:keys()[1]
    assert.equal(6, #key:bytes())
    assert.equal(0x89abcdef, key.b)
    assert.equal(0x04030201, b.packed[key].number)
  end)

  it("prefers fields to methods of the same name", function()
    local names = b.names:leaf { copy = 1, bytes = 2 }
    assert.equal(1, names.copy)
    assert.same({ copy = 1, bytes = 2 }, names:totable())
  end)

  it("is walked in the order of its declaration", function()
    local order = {}
    for name in pairs(leaf) do
      order[#order + 1] = name
    end
    assert.equal("count in b1 b2 x f ok color d big pointer words numbers pair name small l",
      table.concat(order, " "))
  end)

  it("is equal by meaning", function()
    local other = b.all:leaf()
    leaf.name, other.name = "ab", "abcd"
    other.name = "ab"
    assert.is_true(leaf == other)
    other["in"].a = 1
    assert.is_false(leaf == other)
    assert.is_false(leaf == b.names:leaf())
  end)

  it("is copied, and turned into a plain table", function()
    leaf.pair = { { a = 1 }, { a = 2 } }
    local copy = leaf:copy()
    leaf.pair[1].a = 3
    assert.equal(1, copy.pair[1].a)
    assert.equal(2, copy:totable().pair[2].a)
    assert.equal("table", type(copy:totable()["in"]))
  end)

  it("reads as text", function()
    assert.equal("{a=1, b=2}", tostring(b.packed:key { a = 1, b = 2 }))
    leaf.name = 'a"\n'
    assert.truthy(tostring(leaf):find([[name="a\"\x0a"]], 1, true))
  end)

  it("takes back the plain table that it gave, unions too", function()
    leaf.f, leaf.count, leaf.words = 1.5, -1, { "ab", "cdef" }
    b.all[1] = leaf:totable()
    assert.is_true(leaf == b.all[1])
    b.packed[{ a = 1 }] = { number = 0x01020304, bytes = { 4, 3, 2, 1 } }
    assert.equal(0x01020304, b.packed[{ a = 1 }].number)
  end)

  it("is written as JSON, arrays inside it too", function()
    leaf.pair = { { a = 1 }, { a = 2, mac = { 255 } } }
    leaf.words = { "ab" }
    assert.equal('[{"a":1,"mac":[0,0,0,0,0,0]},{"a":2,"mac":[255,0,0,0,0,0]}]', bpf.json(leaf.pair))
    assert.truthy(bpf.json(leaf):find('"words":["ab",""],"numbers":[0,0,0]', 1, true))
  end)

  it("has a type that names its enumerators", function()
    local colors = bpf.type_of(leaf).fields[7].type
    assert.same({ "enum", { [-1] = "RED", [5] = "BLUE" } }, { colors.kind, colors.enumerators })
  end)

  it("outlives its object", function()
    leaf.count = 7
    b:close()
    collectgarbage()
    assert.equal(7, leaf.count)
    assert.equal(7, leaf:copy().count)
  end)
end)

describe("a flexible array", function()
  it("has what was sent behind the struct", function()
    local b <close> = bpf.BPF {
      text = [[
struct line { u64 time; u16 size; char text[]; };
struct list { u32 count; struct { u16 a, b; } items[]; };
BPF_RINGBUF_OUTPUT(lines, 4);
BPF_RINGBUF_OUTPUT(lists, 4);
BPF_HASH(t, u32, struct line);
int send(struct pt_regs *ctx) {
  struct line line = {};
  struct list list = {};
  lines.ringbuf_output(&line, sizeof line, 0);
  lists.ringbuf_output(&list, sizeof list, 0);
  return 0;
}]], auto_attach = false }
    local line = b.lines:event(string.pack("I8I2z", 5, 9, "hello") .. ("\0"):rep(7))
    assert.equal("hello", line.text)
    assert.equal("hello", line:copy().text)
    assert.equal("hello" .. ("\0"):rep(8), line:bytes("text"))
    assert.equal("hello", line:totable().text)
    local list = b.lists:event(string.pack("I4I2I2I2I2", 2, 1, 2, 3, 4))
    assert.equal(2, #list.items)
    assert.equal(4, list.items[2].b)
    assert.equal(4, list:copy():totable().items[2].b)
    assert.equal("[{a=1, b=2}, {a=3, b=4}]", tostring(list.items))
    assert.equal(0, #b.lists:event(string.pack("I4", 0)).items)
    b.t[1] = { size = 1 }
    assert.equal("", b.t[1].text)
    assert.error_matches(function() b.t[1] = { text = "x" } end, "does not fit into char%[0%]")
  end)
end)

describe("bpf.u64", function()
  it("is the text of an unsigned number, as math.ult is its order", function()
    local numbers = { -1, 0, math.mininteger, 7, math.maxinteger, -10 }
    table.sort(numbers, math.ult)
    local texts = {}
    for i, number in ipairs(numbers) do
      texts[i] = bpf.u64(number)
    end
    assert.same({ "0", "7", "9223372036854775807", "9223372036854775808", "18446744073709551606",
      "18446744073709551615" }, texts)
  end)
end)
