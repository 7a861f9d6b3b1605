-- require "bpf": the C module bpf.core, and the functions that are written in Lua. A module is read
-- when the first of its functions is called, so that a start reads only what it uses.

local core = require "bpf.core"

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

-- What the functions of bpf.helpers and bpf.functions stand before; they call these.
core.replaced = { spawn = core.spawn, remove_xdp = static.remove_xdp }

defer(methods.Table, "walk", "bpf.table")
defer(methods.Table, "print_log2_hist print_linear_hist print_json_hist",
  "bpf.histogram", "methods")
defer(methods.Table, "percentiles", "bpf.percentiles", "methods")
defer(methods.Table, "get_stacks get_symbols", "bpf.stacks", "methods")
defer(methods.Table, "write_csv write_json", "bpf.output", "methods")
defer(methods.BPF, "trace_print", "bpf.trace", "methods")
defer(methods.BPF, "disassemble_func", "bpf.disassemble", "methods")
defer(methods.USDT, "enable_probe_or_bail", "bpf.usdt", "methods")
defer(static, "attach_func attach_raw_socket attach_xdp detach_func remove_xdp", "bpf.functions")
defer(static, "generate_auto_includes support_fmod_ret support_kfunc support_lsm "
  .. "support_raw_tracepoint support_raw_tracepoint_in_module", "bpf.kernel")
defer(static, "find_exe fold", "bpf.stacks", "static")
defer(core, "container_filter spawn syscall_name syscall_number tcp_flags tcp_state",
  "bpf.helpers")
defer(core, "list", "bpf.list")
defer(core, "detect_language get_online_cpus get_possible_cpus", "bpf.machine")
defer(core, "json csv csv_header", "bpf.output")

static.monotonic_time = core.monotonic_time

function core.u64(...)
  return require "bpf.unsigned"(...)
end

function core.heatmap(...)
  return require "bpf.heatmap".new(...)
end

return core
