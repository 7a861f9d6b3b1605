-- strlen_count: count the strings that programs take the length of
--
-- A probe on strlen() of libc. The counts are exact: the kernel adds them up, and counts the calls
-- that find no room in the table as well.

local argparse = require("argparse")
local bpf = require("bpf")

local parser = argparse("strlen_count", "Count the strings that programs pass to strlen().")
parser:option("-p --pid", "Only this process."):convert(math.tointeger)
parser:option("-n --top", "Show only so many of the most frequent."):convert(math.tointeger)
parser:option("-d --duration", "End after so many seconds."):convert(tonumber)
parser:option("-l --library", "Library or program that holds strlen, by name or path."):default("c")
local options = parser:parse()

local program = [[
struct key_t {
    char text[80];
};

BPF_HASH(counts, struct key_t, u64, 65536);
BPF_ARRAY(others, u64, 1);

int count(struct pt_regs *ctx)
{
    struct key_t key = {};
    if (bpf_probe_read_user_str(key.text, sizeof(key.text), (void *)PT_REGS_PARM1(ctx)) < 0)
        __builtin_memcpy(key.text, "(not in memory)", 16);
    u64 zero = 0, *number = counts.lookup_or_try_init(&key, &zero);
    if (number)
        __sync_fetch_and_add(number, 1);
    else
        others.atomic_increment(0);
    return 0;
}
]]

local b <close> = bpf.BPF{ text = program }
b:attach_uprobe{ name = options.library, sym = "strlen", fn_name = "count", pid = options.pid }

io.stdout:setvbuf("line")
print(options.duration and ("Counting strlen() for %g s."):format(options.duration)
  or "Counting strlen(). Ctrl-C ends and shows the counts.")
bpf.until_interrupted(function()
  bpf.sleep(options.duration or math.huge)
end)

local items = b.counts:items()
table.sort(items, function(x, y) return x[2] > y[2] end)
print("     COUNT STRING")
for i = 1, math.min(#items, options.top or #items) do
  local text = items[i][1].text:gsub("%c", function(c) return ("\\%03d"):format(c:byte()) end)
  if not io.write(("%10d %s\n"):format(items[i][2], text)) then os.exit() end
end
if b.others[0] > 0 then print(("%10d (other strings: the table was full)"):format(b.others[0])) end
