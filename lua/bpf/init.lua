-- require "bpf": the C module bpf.core, and the methods that are written in Lua.

local core = require "bpf.core"

local function extend(methods, additions)
  for name, method in pairs(additions) do
    methods[name] = method
  end
end

extend(core.methods.Table, require "bpf.table")
extend(core.methods.Table, require "bpf.histogram".methods)
extend(core.methods.Table, require "bpf.percentiles".methods)
extend(core.methods.Table, require "bpf.stacks".methods)
extend(core.methods.BPF, require "bpf.trace".methods)
extend(core.methods.BPF, require "bpf.disassemble".methods)
extend(core.BPF, require "bpf.kernel")
extend(core.BPF, require "bpf.functions")
require "bpf.usdt".extend(core.methods.USDT)
extend(core.BPF, require "bpf.stacks".static)
core.list = require "bpf.list".list
extend(core, require "bpf.machine")
core.BPF.monotonic_time = core.monotonic_time
extend(core, require "bpf.helpers")
core.u64 = require "bpf.unsigned"

core.heatmap = require "bpf.heatmap".new

local output = require "bpf.output"
extend(core.methods.Table, output.methods)
core.json, core.csv, core.csv_header = output.json, output.csv, output.csv_header

return core
