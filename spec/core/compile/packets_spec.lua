-- Packet headers of <bcc/proto.h>, read and written, over packets made by hand.
local bpf <const> = require "bpf"
local packet <const> = require "spec.support.packet"

local BPF <const> = bpf.BPF

if not packet.available() then
  it("packets", function() pending("needs bpftool") end)
  return
end

local function hex(text)
  return (text:gsub("%s+", ""):gsub("%x%x", function(byte)
    return string.char(tonumber(byte, 16))
  end))
end

-- Ethernet, IPv4 (don't fragment, offset 0x155), TCP with ECE, ACK and FIN, four bytes.
local tcp <const> = hex[[
  02 11 22 33 44 55  06 66 77 88 99 aa  08 00
  45 b8 00 2c  12 34 41 55  40 06 ab cd  0a 01 02 03  c0 a8 fe 04
  1f 90 01 bb  de ad be ef  01 23 45 67  5a 51 20 00  fe dc 00 07  61 62 63 64]]

-- A program that returns nothing and puts the values of the expressions into table `out`.
local function read_all(headers, expressions)
  local lines <const> = {
    "#include <bcc/proto.h>",
    "BPF_HASH(out, u32, u64);",
    "static void put(u32 slot, u64 value) { out.update(&slot, &value); }",
    "int look(struct __sk_buff *skb) {",
    "  u8 *cursor = 0;",
    headers,
  }
  for i, expression in ipairs(expressions) do
    lines[#lines + 1] = ("  put(%d, %s);"):format(i, expression)
  end
  lines[#lines + 1] = "  return 7;\n}"
  return table.concat(lines, "\n")
end

-- The value of each expression over the bytes, as the given type of program sees them.
local function values_of(headers, expressions, bytes)
  local b <close> = BPF{text = read_all(headers, expressions)}
  assert.equal(7, (packet.run(b:load_func("look", BPF.SCHED_CLS), bytes)))
  local values <const> = {}
  for i = 1, #expressions do values[expressions[i]] = b.out[i] end
  return values
end

local tcp_headers <const> = [[
  struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  struct tcp_t *tcp = cursor_advance(cursor, sizeof(*tcp));]]

-- clang before 18 reads members that lie side by side as one number.
describe("headers of <bcc/proto.h>", function()
  it("give every member as a number", function()
    local expected <const> = {
      ["ethernet->dst"] = 0x021122334455, ["ethernet->src"] = 0x0666778899aa,
      ["ethernet->type"] = 0x0800,
      ["ip->ver"] = 4, ["ip->hlen"] = 5, ["ip->tos"] = 0xb8, ["ip->tlen"] = 44,
      ["ip->identification"] = 0x1234, ["ip->ffo_unused"] = 0, ["ip->df"] = 1, ["ip->mf"] = 0,
      ["ip->foffset"] = 0x155, ["ip->ttl"] = 64, ["ip->nextp"] = 6, ["ip->hchecksum"] = 0xabcd,
      ["ip->src"] = 0x0a010203, ["ip->dst"] = 0xc0a8fe04,
      ["tcp->src_port"] = 8080, ["tcp->dst_port"] = 443, ["tcp->seq_num"] = 0xdeadbeef,
      ["tcp->ack_num"] = 0x01234567, ["tcp->offset"] = 5, ["tcp->reserved"] = 10,
      ["tcp->flag_cwr"] = 0, ["tcp->flag_ece"] = 1, ["tcp->flag_urg"] = 0, ["tcp->flag_ack"] = 1,
      ["tcp->flag_psh"] = 0, ["tcp->flag_rst"] = 0, ["tcp->flag_syn"] = 0, ["tcp->flag_fin"] = 1,
      ["tcp->rcv_wnd"] = 0x2000, ["tcp->cksum"] = 0xfedc, ["tcp->urg_ptr"] = 7,
      -- the program's own arithmetic
      ["ip->src & 0xff"] = 3, ["ip->src >> 24"] = 10, ["(ip->dst >> 8) & 0xff"] = 0xfe,
      ["ip->ver == 4 && ip->hlen > 4"] = 1, ["(u64)(ip->hlen << 2)"] = 20,
      ["(u64)tcp"] = 34, ["(u64)&tcp->cksum"] = 50, ["load_byte(skb, (u64)cursor + 1)"] = 0x62,
      ["load_half(skb, (u64)cursor)"] = 0x6162, ["load_word(skb, 54)"] = 0x61626364,
      ["load_dword(skb, 50)"] = 0xfedc000761626364,
      ["bpf_dext_pkt(skb, 54, 1, 10)"] = 0x30b,
    }
    local expressions <const> = {}
    for expression in pairs(expected) do expressions[#expressions + 1] = expression end
    table.sort(expressions)
    assert.same(expected, values_of(tcp_headers, expressions, tcp))
  end)

  it("of every other kind lie where the wire has them", function()
    -- The same 48 bytes, seen through each header: what it says is counted off by hand here.
    local bytes <const> = hex[[
      a1 b2 c3 d4 e5 f6 07 18  29 3a 4b 5c 6d 7e 8f 90  12 34 56 78 9a bc de f0
      0f 1e 2d 3c 4b 5a 69 78  87 96 a5 b4 c3 d2 e1 f0  01 02 03 04 05 06 07 08]]
    local expected <const> = {
      dot1q_t = {pri = 5, cfi = 0, vlanid = 0x1b2, type = 0xc3d4},
      arp_t = {htype = 0xa1b2, ptype = 0xc3d4, hlen = 0xe5, plen = 0xf6, oper = 0x0718,
        sha = 0x293a4b5c6d7e, spa = 0x8f901234, tha = 0x56789abcdef0, tpa = 0x0f1e2d3c},
      icmp_t = {type = 0xa1, code = 0xb2, checksum = 0xc3d4},
      icmp6_t = {type = 0xa1, code = 0xb2, checksum = 0xc3d4},
      ip6_t = {ver = 10, priority = 0x1b, flow_label = 0x2c3d4, payload_len = 0xe5f6,
        next_header = 7, hop_limit = 0x18, src_hi = 0x293a4b5c6d7e8f90,
        src_lo = 0x123456789abcdef0, dst_hi = 0x0f1e2d3c4b5a6978, dst_lo = 0x8796a5b4c3d2e1f0},
      ip6_opt_t = {next_header = 0xa1, ext_len = 0xb2, ["pad[5]"] = 0x18},
      udp_t = {sport = 0xa1b2, dport = 0xc3d4, length = 0xe5f6, crc = 0x0718},
      vxlan_t = {rsv1 = 10, iflag = 0, rsv2 = 1, rsv3 = 0xb2c3d4, key = 0xe5f607, rsv4 = 0x18},
      vxlan_gbp_t = {gflag = 1, rsv1 = 2, iflag = 0, rsv2 = 1, rsv3 = 1, dflag = 0, rsv4 = 3,
        aflag = 0, rsv5 = 2, tag = 0xc3d4, key = 0xe5f607, rsv6 = 0x18},
    }
    for header, members in pairs(expected) do
      local expressions <const> = {}
      for member in pairs(members) do expressions[#expressions + 1] = "h->" .. member end
      local values <const> = values_of("  struct " .. header .. " *h = (void *)cursor;",
        expressions, bytes)
      for member, value in pairs(members) do
        assert.equal(value, values["h->" .. member], header .. "." .. member)
      end
    end
  end)

  it("are written bit by bit, and nothing beside", function()
    local b <close> = BPF{text = [[
#include <bcc/proto.h>
int change(struct __sk_buff *skb) {
  u8 *cursor = 0;
]] .. tcp_headers .. [[

  ethernet->src = ethernet->dst;
  ethernet->type = 0x86dd;
  ip->ver = 15;
  ip->hlen = ip->hlen + 1;
  ip->df = 0;
  ip->foffset = 0x1eee;
  ip->ttl -= 3;
  ip->dst = (ip->dst & 0xffff0000) | 0x0102;
  tcp->flag_ece = 0;
  tcp->flag_syn = 1;
  bpf_dins_pkt(skb, 54, 4, 8, 0xfee);
  bpf_store_half(skb, 56, 0x1234);
  return 0;
}]]}
    local _, out <const> = packet.run(b:load_func("change", BPF.SCHED_CLS), tcp)
    local expected <const> = hex[[
      02 11 22 33 44 55  02 11 22 33 44 55  86 dd
      f6 b8 00 2c  12 34 1e ee  3d 06 ab cd  0a 01 02 03  c0 a8 01 02
      1f 90 01 bb  de ad be ef  01 23 45 67  5a 13 20 00  fe dc 00 07  6e e2 12 34]]
    assert.equal(expected, out)
  end)

  it("have checksums that follow a change", function()
    -- An IPv4 header with the right checksum 0xb861 (the example of RFC 1071's commentators).
    local bytes <const> = hex[[
      00 00 00 00 00 01  00 00 00 00 00 02  08 00
      45 00 00 73  00 00 40 00  40 11 b8 61  c0 a8 00 01  c0 a8 00 c7
      00 35 e9 7c  00 5f 27 9f]]
    local b <close> = BPF{text = [[
#include <bcc/proto.h>
int change(struct __sk_buff *skb) {
  u8 *cursor = 0;
  struct ethernet_t *ethernet = cursor_advance(cursor, sizeof(*ethernet));
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  struct udp_t *udp = cursor_advance(cursor, sizeof(*udp));
  u32 old_ip = bpf_htonl(ip->dst), new_ip = bpf_htonl(0xc0a80001);
  incr_cksum_l3(&ip->hchecksum, old_ip, new_ip);
  incr_cksum_l4(&udp->crc, old_ip, new_ip, 1);
  ip->dst = 0xc0a80001;
  return 0;
}]]}
    local _, out <const> = packet.run(b:load_func("change", BPF.SCHED_CLS), bytes)
    -- "r5 = 0x14": four bytes, and they are of the pseudo header, which no test run shows.
    assert.truthy(b:dump_func("change"):find("\xb7\5\0\0\x14\0\0\0", 1, true))
    -- The destination is 0xc6 less, so each checksum is that much more.
    assert.equal(0xb861 + 0xc6, (">I2"):unpack(out, 25))
    assert.equal(0x279f + 0xc6, (">I2"):unpack(out, 41))
  end)

  it("serve socket filters", function()
    local b <close> = BPF{text = read_all(tcp_headers, {"ip->src", "tcp->flag_ack"})}
    -- The kernel's test run takes a socket filter's link header off, so it gets another one.
    local result <const> = packet.run(b:load_func("look", BPF.SOCKET_FILTER), tcp:sub(1, 14) .. tcp)
    assert.equal(7, result)
    assert.equal(0x0a010203, b.out[1])
    assert.equal(1, b.out[2])
  end)

  it("end the program with 0 outside the packet", function()
    local b <close> = BPF{text = read_all("", {"1", "load_byte(skb, 60)", "2"})}
    assert.equal(0, (packet.run(b:load_func("look", BPF.SCHED_CLS), tcp)))
    assert.equal(1, b.out[1])
    assert.is_nil(b.out[2])
  end)

  it("need a program over packets", function()
    for _, body in ipairs{"return ip->ttl;", "ip->ttl = 1; return 1;",
      "return incr_cksum_l3(10, 1, 2);"} do
      local good <const>, e <const> = pcall(BPF, {text = [[
#include <bcc/proto.h>
int look(struct xdp_md *ctx) {
  struct ip_t *ip = (void *)14;
  ]] .. body .. "\n}"})
      assert.is_false(good)
      assert.truthy(e.message:find("no struct __sk_buff", 1, true), e.message)
      assert.truthy(tostring(e.where):find(":4$"), e.where)
    end
  end)
end)

describe("the cursor", function()
  it("leads to members only", function()
    for _, body in ipairs{"struct ip_t copy = *ip; return copy.ttl;",
      "struct mine *m = (void *)ip; return m->b;", "return *(u32 *)(cursor + 2);"} do
      local good <const>, e <const> = pcall(BPF, {text = [[
#include <bcc/proto.h>
struct mine { u16 a, b; };
int look(struct __sk_buff *skb) {
  u8 *cursor = 0;
  struct ip_t *ip = cursor_advance(cursor, sizeof(*ip));
  ]] .. body .. "\n}"})
      assert.is_false(good)
      assert.truthy(e.message:find("this is an offset in the packet", 1, true), e.message)
      assert.truthy(tostring(e.where):find(":6$"), e.where)
    end
  end)
end)

describe("an XDP program", function()
  it("reads its packet directly", function()
    local b <close> = BPF{text = [[
#include <uapi/linux/ip.h>
int drop_port(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *ethernet = data;
  struct iphdr *ip = data + sizeof(*ethernet);
  struct tcphdr *tcp = (void *)(ip + 1);
  if ((void *)(tcp + 1) > end || ethernet->h_proto != htons(ETH_P_IP) || ip->ihl != 5)
    return XDP_PASS;
  return tcp->dest == htons(443) ? XDP_DROP : XDP_TX;
}]]}
    local program <const> = b:load_func("drop_port", BPF.XDP)
    assert.equal(1, (packet.run(program, tcp)))
    assert.equal(3, (packet.run(program, tcp:sub(1, 36) .. "\0\80" .. tcp:sub(39))))
    assert.equal(2, (packet.run(program, tcp:sub(1, 12) .. "\x86\xdd" .. tcp:sub(15))))
  end)
end)

describe("packets", function()
  it("are sent to the script behind a struct", function()
    local b <close> = BPF{text = [[
BPF_PERF_OUTPUT(packets);
int look(struct __sk_buff *skb) {
  struct { u32 length, mark; } seen = {skb->len, 0x1234};
  packets.perf_submit_skb(skb, skb->len, &seen, sizeof(seen));
  return 0;
}]]}
    local got
    b.packets:open_perf_buffer(function(_, event)
      got = type(event) == "string" and event or event:bytes()
    end)
    packet.run(b:load_func("look", BPF.SCHED_CLS), tcp)
    b:perf_buffer_consume()
    assert.equal(string.pack("<I4I4", #tcp, 0x1234) .. tcp, got:sub(1, 8 + #tcp))
  end)

  it("are redirected to the device in a table", function()
    local b <close> = BPF{text = [[
BPF_DEVMAP(devices, 4);
int send(struct xdp_md *ctx) { return devices.redirect_map(2, XDP_ABORTED); }]]}
    local program <const> = b:load_func("send", BPF.XDP)
    assert.equal(0, (packet.run(program, tcp))) -- XDP_ABORTED: the slot is empty
    b.devices[2] = 1 -- the loopback device
    assert.equal(4, (packet.run(program, tcp))) -- XDP_REDIRECT
  end)
end)
