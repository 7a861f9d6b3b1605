-- Tables and events as JSON and CSV: every bit arrives, whatever the types and the bytes are.
local bpf <const> = require "bpf"
local object <const> = require "spec.support.value_object"

local has_json <const>, json <const> = pcall(require, "dkjson")

describe("output for other programs #any_kernel", function()
  local path, b, file

  setup(function()
    path = object.compile [[
      struct in { u16 port; u8 parts[3]; };
      struct key { u32 pid; char comm[8]; struct in in; struct { u64 big; }; };
      struct leaf { u64 u; long long s; __int128 w; unsigned __int128 uw; double d; _Bool b;
        enum { A, B } e; void *p; u32 bits : 3; struct in pair[2];
        union { u32 x; u16 y[2]; } un; char names[2][4]; };
      struct { __uint(type, HASH); __type(key, struct key); __type(value, struct leaf);
        __uint(max_entries, 9); } all SEC(".maps");
      struct { __uint(type, HASH); __type(key, u32); __type(value, u64);
        __uint(max_entries, 9); } counts SEC(".maps");
      struct { __uint(type, PERCPU_ARRAY); __type(key, u32); __type(value, u64);
        __uint(max_entries, 2); } each SEC(".maps");
      struct { __uint(type, HASH); __uint(key_size, 2); __uint(value_size, 4);
        __uint(max_entries, 9); } raw SEC(".maps");
    ]]
  end)

  teardown(function() os.remove(path) end)

  before_each(function()
    if not has_json then pending("needs dkjson") end
    b = bpf.BPF{ obj = path }
    file = os.tmpname()
  end)

  after_each(function()
    if b then b:close() end
    os.remove(file)
  end)

  local function written(source, method)
    local count <const> = source[method](source, file)
    local opened <close> = assert(io.open(file, "rb"))
    return opened:read("a"), count
  end

  local function fill()
    local key <const> = { pid = 7, comm = 'a",\xFF\n', big = -1 }
    key["in"] = { port = 80, parts = { 1, 2, 3 } }
    b.all[key] = {
      u = math.mininteger, s = -1, w = string.pack("=i16", -5), uw = ("\xFF"):rep(16),
      d = 0.1 + 0.2, b = true, e = 1, p = -2, bits = 5, un = { x = 0x10002 },
      pair = { { port = 1, parts = { 4, 5, 6 } }, { port = 2, parts = { 7, 8, 9 } } },
      names = { "ab", "" },
    }
  end

  it("JSON has all digits and the fields in order", function()
    fill()
    local text <const>, count <const> = written(b.all, "write_json")
    assert.equal(1, count)
    assert.equal('{"key":{"pid":7,"comm":"a\\",\\ufffd\\n","in":{"port":80,"parts":[1,2,3]},'
      .. '"big":18446744073709551615},"value":{"u":9223372036854775808,"s":-1,"w":-5,'
      .. '"uw":340282366920938463463374607431768211455,"d":0.30000000000000004,"b":true,"e":1,'
      .. '"p":18446744073709551614,"bits":5,"pair":[{"port":1,"parts":[4,5,6]},{"port":2,'
      .. '"parts":[7,8,9]}],"un":{"x":65538,"y":[2,1]},"names":["ab",""]}}\n', text)
    assert.same({ 1, 2, 3 }, json.decode(text).key["in"].parts)
  end)

  it("CSV spreads out structs and arrays, and quotes what needs it", function()
    local header <const> = "key.pid,key.comm,key.in.port,key.in.parts[0],key.in.parts[1],"
      .. "key.in.parts[2],key.big,value.u,value.s,value.w,value.uw,value.d,value.b,value.e,value.p,"
      .. "value.bits,value.pair[0].port,value.pair[0].parts[0],value.pair[0].parts[1],"
      .. "value.pair[0].parts[2],value.pair[1].port,value.pair[1].parts[0],"
      .. "value.pair[1].parts[1],value.pair[1].parts[2],value.un.x,value.un.y[0],value.un.y[1],"
      .. "value.names[0],value.names[1]\n"
    assert.equal(header, (written(b.all, "write_csv")))
    fill()
    assert.equal(header .. '7,"a"",\u{FFFD}\n",80,1,2,3,18446744073709551615,9223372036854775808,'
      .. "-1,-5,340282366920938463463374607431768211455,0.30000000000000004,true,1,"
      .. '18446744073709551614,5,1,4,5,6,2,7,8,9,65538,2,1,ab,""\n', (written(b.all, "write_csv")))
  end)

  it("tables of plain numbers, of each CPU, and of bytes without a type", function()
    b.counts[4294967295] = -1
    assert.equal('{"key":4294967295,"value":18446744073709551615}\n',
      (written(b.counts, "write_json")))
    assert.equal("key,value\n4294967295,18446744073709551615\n", (written(b.counts, "write_csv")))
    local leaves <const>, names <const>, zeros <const> = {}, {}, {}
    for i = 1, #b.each:getvalue(0) do
      leaves[i], names[i], zeros[i] = i * 3, ("value[%d]"):format(i - 1), 0
    end
    b.each[1] = leaves
    assert.equal(('{"key":0,"value":[%s]}\n{"key":1,"value":[%s]}\n'):format(
      table.concat(zeros, ","), table.concat(leaves, ",")), (written(b.each, "write_json")))
    assert.equal(("key,%s\n0,%s\n1,%s\n"):format(table.concat(names, ","),
      table.concat(zeros, ","), table.concat(leaves, ",")), (written(b.each, "write_csv")))
    b.raw["\0\xFF"] = "abc\n"
    assert.equal('{"key":"00ff","value":"6162630a"}\n', (written(b.raw, "write_json")))
  end)

  it("values of all kinds", function()
    assert.equal('[1,2.5,{"x":null,"y":false}]', bpf.json{ 1, 2.5, { x = 0 / 0, y = false } })
    assert.equal('{"1":7,"x":2}', bpf.json{ 7, x = 2 })
    assert.equal('"\\ufffd\\ufffd\\ufffd(é"', bpf.json("\xED\xA0\x80(é"))
    assert.equal("-9223372036854775808", bpf.json(math.mininteger))
    assert.equal("9007199254740992", bpf.json(2.0 ^ 53))
    assert.equal("a[0],a[1].b,c", bpf.csv_header{ a = { 1, { b = 2 } }, c = "x" })
    assert.equal('1,2," x"', bpf.csv{ a = { 1, { b = 2 } }, c = " x" })
  end)

  it("keep the types of values that are in tables", function()
    fill()
    local key <const> = b.all:keys()[1]
    assert.truthy(bpf.json{ at = 1, event = key }:find('{"at":1,"event":{"pid":7,', 1, true))
    assert.truthy(bpf.json{ event = key }:find('"big":18446744073709551615', 1, true))
    assert.equal("pid,comm,in.port,in.parts[0],in.parts[1],in.parts[2],big", bpf.csv_header(key))
  end)

  it("types are told", function()
    fill()
    local ctype <const> = bpf.type_of(b.all:keys()[1])
    assert.equal(ctype, bpf.type_of(b.all:keys()[1]))
    assert.same({ "struct", "key", 32 }, { ctype.kind, ctype.name, ctype.size })
    assert.same({ name = "pid", offset = 0,
      type = { kind = "int", name = "unsigned int", size = 4, signed = false } }, ctype.fields[1])
    assert.same({ "array", 8, "char" }, { ctype.fields[2].type.kind, ctype.fields[2].type.count,
      ctype.fields[2].type.element.kind })
    local bits <const> = b.all:leaf_type().fields[9]
    assert.same({ "bits", 3 }, { bits.name, bits.bits })
    assert.equal("int", b.counts:key_type().kind)
    assert.is_nil(b.raw:key_type())
    assert.is_nil(bpf.type_of("x"))
  end)

  it("raises what can't be written", function()
    assert.error_matches(function() bpf.json(print) end, "bpf.json: a function can't be written")
    local loop <const> = {}
    loop[1] = loop
    assert.error_matches(function() bpf.csv(loop) end, "bpf.csv: .*contains itself")
    assert.error_matches(function() b.counts:write_csv("/nowhere/x") end,
      "write_csv: /nowhere/x: No such file")
    assert.error_matches(function() b.counts:write_csv(7) end, "a path or an open file")
    assert.error_matches(function() b.counts:write_csv("/dev/full") end, "No space left")
  end)
end)
