-- cachestat: count how often the page cache has what is asked of it, and how often not
--
-- Accesses and additions are counted; those that come of writing are taken away. What remains are
-- hits and misses, of folios: one of many pages counts once.

local tool = require("bpf.tool")

local parser = tool.parser("cachestat", "Count hits and misses of the page cache.", "process every")
parser:flag("-T --time --timestamp", "Show the time of day.")
local options = parser:parse()

local program = [[
enum { ACCESSED, BUFFERS_DIRTIED, ADDED, DIRTIED };

BPF_ARRAY(counts, u64, 4);

int on_access(struct pt_regs *ctx)
{
    if (wanted())
        counts.atomic_increment(ACCESSED);
    return 0;
}

int on_buffer_dirtied(struct pt_regs *ctx)
{
    if (wanted())
        counts.atomic_increment(BUFFERS_DIRTIED);
    return 0;
}

TRACEPOINT_PROBE(filemap, mm_filemap_add_to_page_cache)
{
    if (wanted())
        counts.atomic_increment(ADDED);
    return 0;
}

TRACEPOINT_PROBE(writeback, writeback_dirty_folio)
{
    if (wanted())
        counts.atomic_increment(DIRTIED);
    return 0;
}
]]

local b <close> = tool.load(options, program)
b:attach_kprobe{ event = "folio_mark_accessed", fn_name = "on_access" }
b:attach_kprobe{ event = "mark_buffer_dirty", fn_name = "on_buffer_dirtied" }

-- Bytes in the page cache: of block devices ("Buffers"), and of files ("Cached").
local function memory(name)
  local file <close> = assert(io.open("/proc/meminfo"))
  return tonumber(file:read("a"):match(name .. ":%s*(%d+) kB")) << 10
end

local show = tool.printer(options, {
  { "HITS", "%8d", "hits" },
  { "MISSES", "%8d", "misses" },
  { "DIRTIES", "%8d", "dirties" },
  { "HIT%", "%6.2f", "ratio", 100 },
  { "BUFFERS_MB", "%10.0f", "buffers_bytes", 2.0 ^ -20 },
  { "CACHED_MB", "%10.0f", "cached_bytes", 2.0 ^ -20 },
})

local before = { 0, 0, 0, 0 }
tool.report(options, function()
  local now, change = b.counts:values(), {}
  for i = 1, 4 do change[i] = now[i] - before[i] end
  before = now
  local total = math.max(0, change[1] - change[2])
  local misses = math.min(total, math.max(0, change[3] - change[4]))
  show{
    hits = total - misses, misses = misses, dirties = change[2],
    ratio = total > 0 and (total - misses) / total or nil,
    buffers_bytes = memory("Buffers"), cached_bytes = memory("\nCached"),
  }
end)
