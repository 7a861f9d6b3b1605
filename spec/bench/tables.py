# BCC's twin of tables.lua: tables.py ENTRIES [batch].
import ctypes, sys, time
from bcc import BPF

entries, batch = int(sys.argv[1]), len(sys.argv) > 2
b = BPF(text=r"""
struct key { u32 pid; char comm[16]; };
struct leaf { u64 count; u64 ns; };
BPF_HASH(t, struct key, struct leaf, %d);
""" % entries)
t = b["t"]
keys, leaves = (t.Key * entries)(), (t.Leaf * entries)()
for i in range(entries):
    keys[i].pid, keys[i].comm = i + 1, b"task"
    leaves[i].count, leaves[i].ns = i + 1, -i - 1
t.items_update_batch(keys, leaves)

times = []
for _ in range(3):
    start = time.process_time()
    count = total = 0
    for key, leaf in t.items_lookup_batch() if batch else t.items():
        count, total = count + 1, total + key.pid - leaf.count
    times.append((time.process_time() - start) * 1e6)
    assert total == 0
print("%.0f %d" % (sorted(times)[1], count))
