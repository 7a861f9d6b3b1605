-- require "bpf": the C module bpf.core, and the functions that are written in Lua. Most of these
-- are for people, at the end of a script or in a session: their modules are read when the first of
-- their functions is called, so that a start reads only what it uses.

local core = require "bpf.core"

local function extend(target, additions)
  for name, addition in pairs(additions) do
    target[name] = addition
  end
end

-- Functions of a module (of its table `part`, when one is named) that stand in target under their
-- own names. The call is a tail call: errors are of the caller's line.
local function defer(target, names, module, part)
  for name in names:gmatch("%S+") do
    target[name] = function(...)
      local source = require(module)
      source = part and source[part] or source
      for each in names:gmatch("%S+") do
        target[each] = source[each]
      end
      return source[name](...)
    end
  end
end

local static, methods = core.BPF, core.methods

extend(methods.Table, require "bpf.table")
defer(methods.Table, "print_log2_hist print_linear_hist print_json_hist",
  "bpf.histogram", "methods")
defer(methods.Table, "percentiles", "bpf.percentiles", "methods")
defer(methods.Table, "get_stacks get_symbols", "bpf.stacks", "methods")
defer(methods.Table, "write_csv write_json", "bpf.output", "methods")
defer(methods.BPF, "trace_print", "bpf.trace", "methods")
defer(methods.BPF, "disassemble_func", "bpf.disassemble", "methods")
defer(static, "generate_auto_includes support_fmod_ret support_kfunc support_lsm "
  .. "support_raw_tracepoint support_raw_tracepoint_in_module", "bpf.kernel")
defer(static, "find_exe fold", "bpf.stacks", "static")
defer(core, "list", "bpf.list")
defer(core, "detect_language get_online_cpus get_possible_cpus", "bpf.machine")
defer(core, "json csv csv_header", "bpf.output")

-- These stand before functions of the core, and keep them.
extend(static, require "bpf.functions")
extend(core, require "bpf.helpers")
require "bpf.usdt".extend(methods.USDT)

static.monotonic_time = core.monotonic_time
core.u64 = require "bpf.unsigned"

function core.heatmap(...)
  return require "bpf.heatmap".new(...)
end

return core
