-- Programs that see packets, in a network namespace and a cgroup of their own: each case is a
-- script that unshare(1) starts.
local bpf <const> = require "bpf"
local build <const> = require "spec.support.build"
local refusal <const> = require "spec.support.refusal"
local script <const> = require "spec.support.script"

local count <const> = 101
local unshare <const> = "unshare --net --mount sh -c 'ip link set lo up && exec \"$@\"' sh"

local missing <const> = not os.execute(unshare .. " true > /dev/null 2>&1")
  and "network namespaces (unshare, ip, CAP_SYS_ADMIN)"

local text <const> = [==[
#include <net/if.h>
BPF_HASH(seen, u32, u64);
BPF_SOCKHASH(sockets, u64, 16);
#define PORT 4099

static int is_ours(void *data, void *end) {
  struct ethhdr *ethernet = data;
  struct iphdr *ip = data + sizeof *ethernet;
  struct udphdr *udp = data + sizeof *ethernet + sizeof *ip;
  if ((void *)(udp + 1) > end) return 0;
  return ethernet->h_proto == htons(ETH_P_IP) && ip->protocol == IPPROTO_UDP &&
         udp->dest == htons(PORT);
}
int first(struct xdp_md *ctx) {
  if (is_ours((void *)(long)ctx->data, (void *)(long)ctx->data_end)) seen.increment(1);
  return XDP_PASS;
}
int second(struct xdp_md *ctx) {
  if (is_ours((void *)(long)ctx->data, (void *)(long)ctx->data_end)) seen.increment(2);
  return XDP_DROP;
}
int filter(struct __sk_buff *skb) {
  if (load_half(skb, 12) != ETH_P_IP || load_byte(skb, 23) != IPPROTO_UDP ||
      load_half(skb, 36) != PORT)
    return 0;
  seen.increment(3);
  return 45;
}
SEC("cgroup_skb/egress") int egress(struct __sk_buff *skb) {
  if (skb->remote_port == bpf_htonl(PORT)) seen.increment(4);
  return 1;
}
BPF_CGROUP_STORAGE(counted, u64);
BPF_PERCPU_CGROUP_STORAGE(counted_by_cpu, u64);
SEC("cgroup_skb/egress") int counting(struct __sk_buff *skb) {
  u64 *all = counted.get_local_storage(0), *here = counted_by_cpu.get_local_storage(0);
  if (skb->remote_port != bpf_htonl(PORT)) return 1;
  __sync_fetch_and_add(all, 1);
  *here += 1;
  return 1;
}
int connecting(struct bpf_sock_addr *ctx) {
  if (ctx->user_port == bpf_htons(PORT)) seen.increment(5);
  return 1;
}
int forbidding(struct bpf_sock_addr *ctx) { return 0; }
int collect(struct bpf_sock_ops *ctx) {
  if (ctx->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB) {
    u64 key = 1;
    sockets.sock_hash_update(ctx, &key, BPF_ANY);
    seen.increment(6);
  }
  return 1;
}
int on_message(struct sk_msg_md *ctx) {
  seen.increment(7);
  return SK_PASS;
}
]==]

-- Runs lines of Lua after the program is compiled as b; they print what the case compares.
local function run(lines)
  local status <const>, out <const>, errors <const> = script.run(([[
local bpf = require "bpf"
local Attach = bpf.BPFAttachType
local b <close> = bpf.BPF{text = [==[%s]==], auto_attach = false}
local function seen(number) return b.seen[number] or 0 end
local function send(kind) return os.execute("%s " .. kind .. " %d 4099 2> /dev/null") end
local folder = os.tmpname()
local function cgroup()
  os.remove(folder)
  os.execute("mkdir " .. folder .. " && mount -t cgroup2 none " .. folder ..
    " && mkdir " .. folder .. "/luabpf-spec")
  return folder .. "/luabpf-spec"
end
local function send_inside(path, kind)
  return os.execute(("sh -c 'echo $$ > %%s/cgroup.procs; exec %s %%s %d 4099'"):format(path, kind))
end
%s
os.execute("rmdir " .. folder .. "/luabpf-spec 2> /dev/null; umount " .. folder ..
  " 2> /dev/null; rm -r " .. folder)
]]):format(text, build.program("packets"), count, build.program("packets"), count, lines), unshare)
  assert.equal("", errors)
  assert.equal(0, status)
  return out
end

local function it_with_namespaces(name, test)
  it(name, missing and function() pending("needs " .. missing) end or test)
end

describe("XDP", function()
  it_with_namespaces("counts each packet of a device, is replaced and removed", function()
    assert.equal(([[
xdp_generic 1
%d 0
xdp_generic nil
%d %d
1
%d %d
]]):format(count, count, count, count, count), run[[
local one = b:attach_xdp("lo", b:load_func("first", bpf.BPF.XDP), bpf.XDP_FLAGS_SKB_MODE)
print(one:kind(), one:count())
send("udp")
print(seen(1), seen(2))
local two = b:attach_xdp{dev = "lo", fn_name = "second", flags = bpf.XDP_FLAGS_SKB_MODE}
print(two:kind(), one:fd())
one:detach() -- it has no part in the device any more
send("udp")
print(seen(1), seen(2))
print(b:remove_xdp("lo"))
send("udp")
print(seen(1), seen(2))]]:gsub("\t", " "))
  end)

  it_with_namespaces("says who is in the way, and leaves with its process", function()
    assert.equal([[
true the device has an XDP program of somebody else
Function first is attached to lo already
Failed to attach BPF to device nowhere: No such device
false false
a BPF link of another process holds the program
no XDP program is attached to it
false
]], (run[[
local function refused(call, ...) return select(2, pcall(call, b, ...)) end
b:attach_xdp{dev = "lo", fn_name = "first", flags = bpf.XDP_FLAGS_SKB_MODE}
local other <close> = bpf.BPF{text = "int pass(struct xdp_md *ctx) { return XDP_PASS; }"}
local good, e = pcall(other.attach_xdp, other, "lo", "pass", bpf.XDP_FLAGS_SKB_MODE)
print(e.errno == 16 or e.errno == 17, e.hint:match("^[^,]*")) -- EBUSY, EEXIST
print(refused(b.attach_xdp, {dev = "lo", fn_name = "first"}).message)
print(refused(b.attach_xdp, {dev = "nowhere", fn_name = "first"}).message)
local modes = bpf.XDP_FLAGS_SKB_MODE | bpf.XDP_FLAGS_UPDATE_IF_NOEXIST
print((pcall(b.attach_xdp, b, {dev = "lo", fn_name = "second", flags = modes})),
  (pcall(b.attach_xdp, b, {dev = "lo", fn_name = "second", flags = bpf.XDP_FLAGS_DRV_MODE})))
print(select(2, pcall(other.remove_xdp, other, "lo")).hint)
b:remove_xdp("lo")
print(refused(b.remove_xdp, "lo").hint)
print(os.execute("ip link show lo | grep -q xdp") == true)]]:gsub("\t", " ")))
    local watched <const> = unshare:gsub("exec \"%$@\"'",
      "\"$@\"; ip link show lo | grep -q xdp || echo gone'")
    local _, out <const> = script.run([[
local bpf = require "bpf"
local b = bpf.BPF{text = "int pass(struct xdp_md *ctx) { return XDP_PASS; }"}
b:attach_xdp("lo", "pass", bpf.XDP_FLAGS_SKB_MODE)
os.execute("ip link show lo | grep -q xdp && echo attached")
io.stdout:flush()
os.execute("kill -9 $PPID")]], watched)
    assert.equal("attached\ngone\n", out)
  end)
end)

describe("a raw socket", function()
  it_with_namespaces("gets what its filter lets through, cut as it says", function()
    -- Loopback packets pass a packet socket twice: on their way out and on their way in.
    assert.equal(([[
raw_socket true
%d
%d packets of 45 bytes, the text is pac
nil nil
1
Raw socket lo is not attached
]]):format(2 * count, 2 * count), run[[
local fn = b:load_func("filter", bpf.BPF.SOCKET_FILTER)
local link = b:attach_raw_socket(fn, "lo")
print(link:kind(), fn.sock == link:fd())
send("udp")
print(seen(3))
local packets, last = 0, nil
for packet in function() return link:recv(0) end do
  assert(#packet == 45)
  packets, last = packets + 1, packet
end
print(("%d packets of 45 bytes, the text is %s"):format(packets, last:sub(43)))
print(link:recv(7), link:recv(0))
print(b:detach_raw_socket("lo"))
print(select(2, pcall(b.detach_raw_socket, b, "lo")).message)]]:gsub("\t", " "))
  end)

  it_with_namespaces("is attached by BCC's class calls, as XDP and functions are", function()
    assert.equal(([[
raw_socket true
xdp_generic
%d 1 Failed to detach BPF from device lo
%d
1 0
argument fn must be a function that b:load_func gives
]]):format(count, count), run[[
local BPF = bpf.BPF
local fn = b:load_func("filter", BPF.SOCKET_FILTER)
print(BPF.attach_raw_socket(fn, "lo"):kind(), fn.sock > 0)
print(BPF.attach_xdp("lo", b:load_func("first", BPF.XDP), BPF.XDP_FLAGS_SKB_MODE):kind())
send("udp")
local removed = BPF.remove_xdp("lo")
print(seen(1), removed, select(2, pcall(BPF.remove_xdp, "lo")).message:match("^[^:]*"))
send("udp")
print(seen(1))
local kind = Attach.CGROUP_INET4_CONNECT
local connecting = b:load_func("connecting", BPF.CGROUP_SOCK_ADDR, {attach_type = kind})
local link = BPF.attach_func{fn = connecting, target = cgroup(), attach_type = kind}
print(BPF.detach_func(connecting, folder .. "/luabpf-spec", kind), link:fd() or 0)
local _, e = pcall(BPF.attach_raw_socket, "filter", "lo")
print(e:match("argument.*"))]]:gsub("\t", " "))
  end)

  it_with_namespaces("needs a device that is there", function()
    local b <close> = bpf.BPF{text = "int pass(struct __sk_buff *skb) { return -1; }"}
    b:load_func("pass", bpf.BPF.SOCKET_FILTER)
    local e <const> = refusal.of(function() b:attach_raw_socket("pass", "nowhere") end)
    assert.equal("Failed to open raw device nowhere: No such device", e.message)
    local link <const> = b:attach_raw_socket("pass", "lo")
    assert.equal(17, refusal.of(function() b:attach_raw_socket("pass", "lo") end).errno) -- EEXIST
    link:detach()
    assert.error_matches(function() link:recv() end, "only an open link")
    local file <const> = "network_spec.lua"
    assert.truthy(refusal.misuse(function() b:attach_raw_socket{dev = "lo"} end, file)
      :find("'fn_name' is missing", 1, true))
  end)
end)

describe("attach_func", function()
  it_with_namespaces("runs programs for the processes of a cgroup alone", function()
    assert.equal(([[
cgroup_inet_egress cgroup_inet4_connect
0 0
%d %d
1
%d %d
Function at GROUP cgroup_inet_egress is not attached
]]):format(count, count, count, 2 * count), run[[
local group = cgroup()
local out = b:attach_func{fn_name = "egress", target = group}
local connect = b:attach_func{fn = "connecting", target = group,
  attach_type = Attach.CGROUP_INET4_CONNECT, flags = 2}
print(out:kind(), connect:kind())
send("udp")
print(seen(4), seen(5))
assert(send_inside(group, "udp"))
print(seen(4), seen(5))
print(b:detach_func("egress", group))
assert(send_inside(group, "udp"))
print(seen(4), seen(5))
local e = select(2, pcall(b.detach_func, b, "egress", group))
print((e.message:gsub(group:gsub("%p", "%%%0"), "GROUP")))
b:close()
assert(os.execute("rmdir " .. group)) -- nothing holds it]]:gsub("\t", " "))
  end)

  it_with_namespaces("keeps what a program stores for a cgroup", function()
    assert.equal(([[
0
1 true true %d %d
nil
%d
true
]]):format(count, count, count + 1000), run[[
local group = cgroup()
local pipe = io.popen("stat -c %i " .. group)
local id = pipe:read("n")
pipe:close()
print(#b.counted)
b:attach_func{fn_name = "counting", target = group}
send("udp")
assert(send_inside(group, "udp"))
local key, value = table.unpack(b.counted:items()[1])
print(#b.counted, key.cgroup_inode_id == id, key.attach_type == Attach.CGROUP_INET_EGRESS, value,
  b.counted_by_cpu:sum(key))
print(b.counted[{cgroup_inode_id = id + 1, attach_type = key.attach_type}])
b.counted[key] = 1000
assert(send_inside(group, "udp"))
print(b.counted[key])
print(pcall(b.counted.delete, b.counted, key) == false) -- it ends with the attachment
b:close()]]:gsub("\t", " "))
  end)

  it_with_namespaces("lets a program decide, until it is detached", function()
    assert.equal("nil\ntrue\ntrue\n", (run[[
local group = cgroup()
local link = b:attach_func{fn_name = "forbidding", target = group,
  attach_type = Attach.CGROUP_INET4_CONNECT}
print((send_inside(group, "udp 2> /dev/null")))
link:detach()
print((send_inside(group, "udp")))
local descriptor = b:attach_func{fn_name = "forbidding", target = group,
  attach_type = Attach.CGROUP_INET4_CONNECT, flags = 1}
descriptor:close()
print((send_inside(group, "udp")))]]:gsub("'udp 2>", "'udp' 2>")))
  end)

  it_with_namespaces("leaves nothing when the script is killed, also as one of many", function()
    assert.equal("nil\ntrue\n", (run[[
local group = arg[1] or cgroup()
if arg[1] then -- the one that is killed
  b:attach_func{fn_name = "forbidding", target = group, attach_type = Attach.CGROUP_INET4_CONNECT,
    flags = 2}
  print((send_inside(group, "udp 2> /dev/null")))
  io.stdout:flush()
  os.execute("kill -9 $PPID")
end
os.execute("exec 2> /dev/null; lua5.4 " .. arg[0] .. " " .. group)
print((send_inside(group, "udp")))]]:gsub("'udp 2>", "'udp' 2>")))
  end)

  it_with_namespaces("puts a program at a table of sockets", function()
    assert.equal(("sk_msg_verdict cgroup_sock_ops\n1 %d\n1 %d\n"):format(count, count), (run[[
local group = cgroup()
local messages = b:attach_func{fn_name = "on_message", target = b.sockets,
  attach_type = Attach.SK_MSG_VERDICT}
local operations = b:attach_func{fn_name = "collect", target = group,
  attach_type = Attach.CGROUP_SOCK_OPS}
print(messages:kind() .. " " .. operations:kind())
assert(send_inside(group, "tcp"))
print(seen(6) .. " " .. seen(7))
messages:detach()
operations:detach()
assert(send_inside(group, "tcp"))
print(seen(6) .. " " .. seen(7))]]))
  end)

  it("says what is wrong, and leaves nothing", function()
    local b <close> = bpf.BPF{auto_attach = false,
      text = "int on_connect(struct bpf_sock_addr *ctx) { return 1; }"}
    local e = refusal.of(function() b:attach_func("on_connect", "/nowhere") end)
    assert.equal("Nothing says where function on_connect is to be attached", e.message)
    local kind <const> = bpf.BPFAttachType.CGROUP_INET4_CONNECT
    b:load_func("on_connect", bpf.BPF.CGROUP_SOCK_ADDR, {attach_type = kind})
    e = refusal.of(function() b:attach_func("on_connect", "/nowhere", kind) end)
    assert.equal("Could not open /nowhere: No such file or directory", e.message)
    for _, target in ipairs{"/proc/self/status", 4095} do
      e = refusal.of(function() b:attach_func("on_connect", target, kind) end)
      assert.truthy(e.message:find("Failed to attach BPF function with attach_type 10", 1, true))
      assert.truthy(e.hint:find("does the attach type fit", 1, true), tostring(e))
    end
    assert.truthy(refusal.misuse(function() b:attach_func("on_connect", true) end,
      "network_spec.lua"):find("option 'target' must be a path", 1, true))
  end)
end)
