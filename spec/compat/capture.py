#!/usr/bin/python3
"""Captures the BPF program of BCC Python tools, without compiling or attaching anything.

    /usr/bin/python3 capture.py FOLDER [TOOL-LIST]     # needs bpfcc-tools; runs every /usr/sbin/*-bpfcc

BCC's BPF and USDT classes are replaced by recorders, and the tool is stopped at its first poll, print or sleep.
A JSON file per tool then holds: tool, args, text (the C program as the tool would hand it to BPF(); null when it
ended before it made one), cflags, usdt, attach (each attach_*, load_func and open_*_buffer call with its
arguments) and end (what stopped the tool). What a tool chooses depends on the running kernel: capture where the
programs will be loaded. TOOL-LIST has a line per extra run: tool name and arguments.
"""
import glob
import json
import os
import runpy
import signal
import sys
import time


def plain(value):
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    return value if isinstance(value, (str, int, type(None))) else getattr(value, "name", repr(value))


class Recorder:
    """Stands in for bcc.BPF's methods and ends the process once the tool starts to trace."""

    def __init__(self, out, tool, args):
        self.out = out
        self.record = {"tool": os.path.basename(tool), "args": args, "text": None, "cflags": [],
                       "usdt": [], "attach": [], "end": None}

    def finish(self, end):
        self.record["end"] = end
        with open(self.out, "w") as file:
            json.dump(self.record, file, indent=1, default=plain)
        os._exit(0)

    def finisher(self, name):
        return lambda *args, **options: self.finish(name)

    def note(self, name, args, options):
        self.record["attach"].append([name, [plain(a) for a in args],
                                      {k: plain(v) for k, v in options.items() if not callable(v)}])

    def noter(self, name):
        return lambda this, *args, **options: self.note(name, args, options)


class Number:
    value = 0

    def __init__(self, *args):
        pass

    def __getattr__(self, name):
        return 0


def table_class(recorder):
    class Table:
        Key = Leaf = Number

        def __init__(self, name):
            self.name = name

        def __getitem__(self, key):
            return Number()

        def __setitem__(self, key, value):
            pass

        def __iter__(self):
            recorder.finish("iterate")

        def __getattr__(self, name):
            if name in ("open_perf_buffer", "open_ring_buffer"):
                return lambda *args, **options: recorder.note(name, [self.name], options)
            return recorder.finisher("table." + name)

    return Table


def usdt_class(recorder):
    class USDT:
        def __init__(self, pid=None, path=None):
            pass

        def enable_probe(self, probe=None, fn_name=None):
            recorder.record["usdt"].append([plain(probe), plain(fn_name)])

        enable_probe_or_bail = enable_probe

        def get_text(self):
            return ""

        def get_probe_arg_ctype(self, probe, index):
            return "u64"

        def enumerate_probes(self):
            return []

        enumerate_active_probes = enumerate_probes

    return USDT


class Function:
    fd = 0

    def __init__(self, name):
        self.name = name


def replace_bcc(recorder):
    import bcc

    table = table_class(recorder)

    def init(self, src_file=b"", hdr_file=b"", text=None, debug=0, cflags=[], usdt_contexts=[], **rest):
        recorder.record["text"] = open(plain(src_file)).read() if src_file else plain(text)
        recorder.record["cflags"] = [plain(flag) for flag in cflags]

    def load_func(self, name, prog_type, *args, **options):
        recorder.note("load_func", [name, prog_type], {})
        return Function(plain(name))

    for name in dir(bcc.BPF):
        if name.startswith(("attach_", "detach_")):
            setattr(bcc.BPF, name, recorder.noter(name))
    bcc.BPF.__init__ = init
    bcc.BPF.load_func = load_func
    bcc.BPF.__getitem__ = lambda self, key: table(plain(key))
    bcc.BPF.get_table = lambda self, key, *args, **options: table(plain(key))
    bcc.BPF.cleanup = lambda self: None
    for name in ("num_open_kprobes", "num_open_tracepoints", "num_open_uprobes"):
        setattr(bcc.BPF, name, lambda self: 1)
    for name in ("perf_buffer_poll", "ring_buffer_poll", "ring_buffer_consume", "kprobe_poll",
                 "trace_print", "trace_fields", "trace_readline"):
        setattr(bcc.BPF, name, recorder.finisher(name))
    bcc.USDT = usdt_class(recorder)


def capture_one(out, tool, args):
    recorder = Recorder(out, tool, args)
    replace_bcc(recorder)
    time.sleep = recorder.finisher("sleep")
    signal.signal(signal.SIGALRM, recorder.finisher("too slow"))
    signal.alarm(60)
    sys.argv = [tool] + args
    try:
        runpy.run_path(tool, run_name="__main__")
        recorder.finish("end")
    except SystemExit as stop:
        recorder.finish("exit %s" % stop)
    except BaseException as stop:
        recorder.finish("exception %r" % stop)


def runs(list_path):
    for tool in sorted(glob.glob("/usr/sbin/*-bpfcc")):
        with open(tool, "rb") as file:
            if b"python" in file.readline():
                yield os.path.basename(tool)[:-6], tool, []
    if list_path:
        with open(list_path) as file:
            for number, line in enumerate(file, 1):
                words = line.split()
                if words and os.path.exists("/usr/sbin/%s-bpfcc" % words[0]):
                    yield "%s-%d" % (words[0], number), "/usr/sbin/%s-bpfcc" % words[0], words[1:]


def capture_in_child(out, tool, args):
    """One tool in a child process: each ends in os._exit, and BCC is imported only once."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        capture_one(out, tool, args)
    os.waitpid(child, 0)


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    import bcc  # noqa: F401 (for the children)
    for name, tool, args in runs(sys.argv[2] if len(sys.argv) > 2 else None):
        capture_in_child("%s/%s.json" % (folder, name), tool, args)


main()
