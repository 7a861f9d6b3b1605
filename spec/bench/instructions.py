"""BPF instructions that BCC makes of captured programs (spec/compat/capture.py): a line
"program function instructions" for each function of each program that BCC compiles.

    python3 instructions.py FOLDER [NAME...]

Nothing is loaded or attached, so this needs neither a kernel with kprobes nor the traced programs.
"""
import glob
import json
import os
import sys

from bcc import BPF, lib

BPF._trace_autoload = lambda self: None


def measure(name, record):
    program = BPF(text=record["text"], cflags=record["cflags"])
    for i in range(lib.bpf_num_functions(program.module)):
        function = lib.bpf_function_name(program.module, i)
        size = len(program.dump_func(function)) // 8
        print(name, function.decode(), size, flush=True)


def main():
    for path in sorted(glob.glob(os.path.join(sys.argv[1], "*.json"))):
        name = os.path.basename(path)[:-len(".json")]
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        with open(path) as file:
            record = json.load(file)
        if not isinstance(record["text"], str) or record["usdt"]:
            continue
        # A program that BCC can't compile may end the process: each gets its own.
        child = os.fork()
        if child == 0:
            status = 1
            try:
                measure(name, record)
                status = 0
            except Exception:
                pass
            finally:
                os._exit(status)
        if os.waitpid(child, 0)[1] != 0:
            print(name, "-", 0, flush=True)


main()
