-- strlen_count: count the strings that programs take the length of
--
-- A probe on strlen() of libc. The counts are exact: the kernel adds them up, and counts the calls
-- that find no room in the table as well. A string that nothing touched before the call is not in
-- memory yet and can not be read then; it is read when strlen() returns.

local tool = require("bpf.tool")

local parser = tool.parser("strlen_count", "Count the strings that programs pass to strlen().",
  "process")
parser:option("--top", "Show only so many of the most frequent."):convert(tool.whole)
parser:option("-l --library", "Library or program that holds strlen, by name or path."):default("c")
local options = parser:parse()

local program = [[
struct key_t {
    char text[80];
};

BPF_HASH(counts, struct key_t, u64, 65536);
BPF_ARRAY(others, u64, 1);
BPF_HASH(unread, u32, const char *); // by thread

static inline int count(const char *text)
{
    struct key_t key = {};
    if (bpf_probe_read_user_str(key.text, sizeof(key.text), text) < 0)
        return -1;
    u64 zero = 0, *number = counts.lookup_or_try_init(&key, &zero);
    if (number)
        __sync_fetch_and_add(number, 1);
    else
        others.atomic_increment(0);
    return 0;
}

int on_call(struct pt_regs *ctx, const char *text)
{
    u32 thread = bpf_get_current_pid_tgid();
    if (wanted() && count(text) < 0)
        unread.update(&thread, &text);
    return 0;
}

int on_return(struct pt_regs *ctx)
{
    u32 thread = bpf_get_current_pid_tgid();
    const char **text = unread.lookup(&thread);
    if (!text)
        return 0;
    if (count(*text) < 0)
        others.atomic_increment(0);
    unread.delete(&thread);
    return 0;
}
]]

local b <close> = tool.load(options, program)
local target = { name = options.library, sym = "strlen", pid = options.pid }
target.fn_name = "on_return"
b:attach_uretprobe(target)
target.fn_name = "on_call"
b:attach_uprobe(target)

if not options.json then print("Counting strlen(). Ctrl-C ends and shows the counts.") end
tool.report(options, function()
  local items = b.counts:items()
  table.sort(items, function(x, y) return x[2] > y[2] end)
  local show = tool.printer(options, {
    { "COUNT", "%10d", "count" }, { "STRING", "%s", "string" }, "others",
  })
  for i = 1, math.min(#items, options.top or #items) do
    show{ count = items[i][2], string = items[i][1].text }
  end
  if b.others[0] > 0 then
    show{ count = b.others[0], string = "(others, for which the table had no room)", others = true }
  end
end)
