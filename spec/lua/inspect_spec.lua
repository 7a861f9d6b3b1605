-- What dump_func, disassemble_func and decode_table say of a program.
local bpf <const> = require "bpf"
local disassemble <const> = require "bpf.disassemble"

-- BCC's text of each opcode that it knows, with the operands r3, r9, offset -5 and 77. (Its own
-- text of dd gives the number instead of the register.)
local golden <const> = [[
(04) r3 += 77
(05) goto -5 <-4>
(07) r3 += 77
(0c) r3 += r9
(0f) r3 += r9
(14) r3 -= 77
(15) if r3 == 77 goto pc-5 <-4>
(17) r3 -= 77
(1c) r3 -= r9
(1d) if r3 == r9 goto pc-5 <-4>
(1f) r3 -= r9
(20) r0 = *(u32*)skb[77]
(24) r3 *= 77
(25) if r3 > 77 goto pc-5 <-4>
(27) r3 *= 77
(28) r0 = *(u16*)skb[77]
(2c) r3 *= r9
(2d) if r3 > r9 goto pc-5 <-4>
(2f) r3 *= r9
(30) r0 = *(u8*)skb[77]
(34) r3 /= 77
(35) if r3 >= 77 goto pc-5 <-4>
(37) r3 /= 77
(38) r0 = *(u64*)skb[77]
(3c) r3 /= r9
(3d) if r3 >= r9 goto pc-5 <-4>
(3f) r3 /= r9
(40) r0 = *(u32*)skb[r9 +77]
(44) r3 |= 0x4d
(45) if r3 & 77 goto pc-5 <-4>
(47) r3 |= 0x4d
(48) r0 = *(u16*)skb[r9 +77]
(4c) r3 |= r9
(4d) if r3 & r9 goto pc-5 <-4>
(4f) r3 |= r9
(50) r0 = *(u8*)skb[r9 +77]
(54) r3 &= 0x4d
(55) if r3 != 77 goto pc-5 <-4>
(57) r3 &= 0x4d
(58) r0 = *(u64*)skb[r9 +77]
(5c) r3 &= r9
(5d) if r3 != r9 goto pc-5 <-4>
(5f) r3 &= r9
(61) r3 = *(u32*)(r9 -5)
(62) *(u32*)(r3 -5) = 77
(63) *(u32*)(r3 -5) = r9
(64) r3 <<= 77
(65) if r3 s> 77 goto pc-5 <-4>
(67) r3 <<= 77
(69) r3 = *(u16*)(r9 -5)
(6a) *(u16*)(r3 -5) = 77
(6b) *(u16*)(r3 -5) = r9
(6c) r3 <<= r9
(6d) if r3 s> r9 goto pc-5 <-4>
(6f) r3 <<= r9
(71) r3 = *(u8*)(r9 -5)
(72) *(u8*)(r3 -5) = 77
(73) *(u8*)(r3 -5) = r9
(74) r3 >>= 77
(75) if r3 s>= 77 goto pc-5 <-4>
(77) r3 >>= 77
(79) r3 = *(u64*)(r9 -5)
(7a) *(u64*)(r3 -5) = 77
(7b) *(u64*)(r3 -5) = r9
(7c) r3 >>= r9
(7d) if r3 s>= r9 goto pc-5 <-4>
(7f) r3 >>= r9
(84) r3 = ~ (u32)r3
(87) r3 = ~ (u64)r3
(94) r3 %= 77
(95) exit
(97) r3 %= 77
(9c) r3 %= r9
(9f) r3 %= r9
(a4) r3 ^= 0x4d
(a5) if r3 < 77 goto pc-5 <-4>
(a7) r3 ^= 0x4d
(ac) r3 ^= r9
(ad) if r3 < r9 goto pc-5 <-4>
(af) r3 ^= r9
(b4) r3 = 77
(b5) if r3 <= 77 goto pc-5 <-4>
(b7) r3 = 77
(bc) r3 = r9
(bd) if r3 <= r9 goto pc-5 <-4>
(bf) r3 = r9
(c4) r3 s>>= 77
(c5) if r3 s< 77 goto pc-5 <-4>
(c7) r3 s>>= 77
(cc) r3 s>>= r9
(cd) if r3 s< r9 goto pc-5 <-4>
(cf) r3 s>>= r9
(d5) if r3 s<= 77 goto pc-5 <-4>
(dd) if r3 s<= r9 goto pc-5 <-4>]]

local function text_of(code, dst, src, off, imm, more)
  local bytes <const> = ("<BBi2i4"):pack(code, src << 4 | dst, off, imm) .. (more or "")
  return disassemble.lines(bytes)[1]:sub(12)
end

describe("the text of an instruction", function()
  it("is BCC's for each opcode that BCC knows", function()
    local count = 0
    for code, expected in golden:gmatch("%((%x%x)%) ([^\n]+)") do
      assert.equal(expected, text_of(tonumber(code, 16), 3, 9, -5, 77), code)
      count = count + 1
    end
    assert.equal(94, count)
  end)

  it("is a sentence of its own for calls, constants and atomic operations", function()
    assert.equal("call bpf_map_lookup_elem#1", text_of(0x85, 0, 0, 0, 1))
    assert.equal("call <unknown helper #100000>", text_of(0x85, 0, 0, 0, 100000))
    assert.equal("call +7", text_of(0x85, 0, 1, 0, 7))
    assert.equal("r3 endian r9", text_of(0xdc, 3, 9, 0, 77))
    local upper <const> = ("<BBi2i4"):pack(0, 0, 0, 0x11223344)
    assert.equal("r3 = 0x1122334455667788", text_of(0x18, 3, 0, 0, 0x55667788, upper))
    assert.equal("r3 = <map at fd #5>", text_of(0x18, 3, 1, 0, 5, ("\0"):rep(8)))
    assert.equal("r3 = 0xffffffffffffffff",
      text_of(0x18, 3, 0, 0, -1, ("<BBi2i4"):pack(0, 0, 0, -1)))
    assert.equal("lock *(u64*)(r3 -5) += r9", text_of(0xdb, 3, 9, -5, 0))
    assert.equal("lock *(u32*)(r3 +5) ^= r9", text_of(0xc3, 3, 9, 5, 0xa0))
    assert.equal("r9 = fetch_add(*(u64*)(r3 +5), r9)", text_of(0xdb, 3, 9, 5, 1))
    assert.equal("w9 = xchg(*(u32*)(r3 +5), w9)", text_of(0xc3, 3, 9, 5, 0xe1))
    assert.equal("r0 = cmpxchg(*(u64*)(r3 +5), r0, r9)", text_of(0xdb, 3, 9, 5, 0xf1))
    assert.equal("if w3 == 77 goto pc+2 <3>", text_of(0x16, 3, 0, 2, 77))
    assert.equal("if w3 s< w9 goto pc-1 <0>", text_of(0xce, 3, 9, -1, 0))
    assert.equal("r3 = (s32)r9", text_of(0xbf, 3, 9, 32, 0))
    assert.equal("r3 = *(s16*)(r9 +5)", text_of(0x89, 3, 9, 5, 0))
    assert.equal("unknown <0xff>", text_of(0xff, 3, 9, 5, 0))
  end)

  it("never fails, whatever the bytes", function()
    for code = 0, 255 do
      for _, imm in ipairs{ 0, -1, 0xf1, 1 } do
        for src = 0, 15 do
          assert.equal(1, #disassemble.lines(("<BBi2i4"):pack(code, src << 4 | 15, -1, imm)))
        end
      end
    end
    assert.same({}, disassemble.lines(""))
    assert.same({}, disassemble.lines("1234567"))
  end)
end)

local text <const> = [[
struct key_t { int a; short b; struct { int c : 4; int d : 8; } e; } __attribute__((__packed__));
BPF_HASH(test_map, struct key_t);
enum color { RED, GREEN };
struct value_t {
  char comm[16];
  u64 *pointer;
  enum color color;
  union { int whole; u8 parts[3][2]; };
  struct { short inside; } list[2];
};
BPF_ARRAY(values, struct value_t, 4);
BPF_PERF_OUTPUT(out);
int one(void *ctx) { return 1; }
int look(struct pt_regs *ctx) {
  struct key_t key = {};
  u64 *value = test_map.lookup(&key);
  return value != 0;
}
]]

describe("dump_func", function()
  it("gives the instructions, 16 bytes for return 1", function()
    local b <close> = bpf.BPF{text = text}
    -- BCC's clang makes b7; with the processor version that we ask for, it is the 32-bit b4
    assert.equal("\xb4\0\0\0\1\0\0\0\x95\0\0\0\0\0\0\0", b:dump_func("one"))
    local old <close> = bpf.BPF{text = text, cflags = {"-mcpu=v1"}}
    assert.equal("\xb7\0\0\0\1\0\0\0\x95\0\0\0\0\0\0\0", old:dump_func("one"))
  end)

  it("gives the same before and after loading", function()
    local b <close> = bpf.BPF{text = text}
    local before <const> = b:dump_func("look")
    b:load_func("look", bpf.BPF.KPROBE)
    assert.equal(before, b:dump_func("look"))
  end)

  it("names what it does not know", function()
    local b <close> = bpf.BPF{text = text}
    local good <const>, e <const> = pcall(b.dump_func, b, "noe")
    assert.is_false(good)
    assert.truthy(tostring(e):find("Unknown program noe", 1, true))
    assert.has_error(function() b:dump_func() end)
  end)
end)

describe("disassemble_func", function()
  it("gives BCC's lines", function()
    local b <close> = bpf.BPF{text = text, cflags = {"-mcpu=v1"}}
    assert.equal("Disassemble of BPF program one:\n   0: (b7) r0 = 1\n   1: (95) exit",
      b:disassemble_func("one"))
  end)

  it("shows the map of a look-up by its descriptor", function()
    local b <close> = bpf.BPF{text = text}
    local lines <const> = b:disassemble_func("look")
    assert.truthy(lines:find(("r1 = <map at fd #%d>"):format(b.test_map.map_fd), 1, true), lines)
    assert.truthy(lines:find(": (64-bit upper word)\n", 1, true), lines)
    assert.truthy(lines:find("(85) call bpf_map_lookup_elem#1", 1, true), lines)
    local expected = 0
    for number in lines:gmatch("\n *(%d+): ") do
      assert.equal(expected, math.tointeger(number))
      expected = expected + 1
    end
    assert.equal(#b:dump_func("look") // 8, expected)
  end)
end)

describe("decode_table", function()
  local function decoded(b, name, options)
    local first <const>, rest <const> = b:decode_table(name, options):match("^([^\n]*)\n(.*)$")
    local kind <const>, fd <const>, id <const> =
      first:match("^Layout of BPF map " .. name .. " %(type ([%u_]+), FD (%d+), ID (%d+)%):$")
    assert.equal(b[name].map_fd, math.tointeger(fd))
    assert.is_true(math.tointeger(id) > 0)
    return kind, rest
  end

  it("gives BCC's lines", function()
    local b <close> = bpf.BPF{text = text}
    local kind <const>, rest <const> = decoded(b, "test_map")
    assert.equal("HASH", kind)
    assert.equal([[
  struct {
    int a;
    short b;
    struct {
      int c:4;
      int d:8;
    } e;
  } key;
  unsigned long long value;]], rest)
  end)

  it("gives offsets and sizes when they are wanted", function()
    local b <close> = bpf.BPF{text = text}
    assert.equal([[
  struct {
    [0 +4] int a;
    [4 +2] short b;
    [6 +4] struct {
      [6,0 +4 bit] int c:4;
      [6,4 +8 bit] int d:8;
    } e;
  } key;
  unsigned long long value;]], select(2, decoded(b, "test_map", {sizeinfo = true})))
  end)

  it("writes any type as C does", function()
    local b <close> = bpf.BPF{text = text}
    local kind <const>, rest <const> = decoded(b, "values", {sizeinfo = true})
    assert.equal("ARRAY", kind)
    assert.equal([[
  int key;
  struct {
    [0 +16] char comm[16];
    [16 +8] void *pointer;
    [24 +4] enum color color;
    [28 +8] union {
      [28 +4] int whole;
      [28 +6] unsigned char parts[3][2];
    };
    [36 +4] struct {
      [36 +2] short inside;
    } list[2];
  } value;]], rest)
    assert.equal("PERF_EVENT_ARRAY", (decoded(b, "out")))
  end)

  it("names what it does not know", function()
    local b <close> = bpf.BPF{text = text}
    assert.has_error(function() b:decode_table("nothing") end)
    assert.has_error(function() b:decode_table("values", {sizinfo = true}) end)
  end)
end)
