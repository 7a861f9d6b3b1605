-- What a program can count on in the running kernel: questions that scripts ask before they choose
-- their text. All of them are BCC's, and functions of BPF.

local core = require "bpf.core"

local kernel = {}

-- Header lines that BCC's trace and argdist add for words in an expression.
local headers = {
  { "linux/time.h", "time" },
  { "linux/fs.h", "fs", "file" },
  { "linux/blkdev.h", "bio", "request" },
  { "linux/slab.h", "alloc" },
  { "linux/netdevice.h", "sk_buff", "net_device" },
}

local function has_symbol(name)
  local known, address = pcall(core.BPF.ksymname, name)
  return known and address ~= nil
end

local function has_feature(name)
  local feature = core.features()[name]
  return feature ~= nil and feature.available
end

--- Whether fentry and fexit programs can be attached. BCC looks for a symbol, which kernels have
-- that refuse every such program; here one is tried.
function kernel.support_kfunc()
  return has_feature("fentry")
end

function kernel.support_lsm()
  return has_feature("lsm")
end

function kernel.support_fmod_ret()
  return has_feature("fentry")
    and core.BPF.kernel_enum_has_val("bpf_attach_type", "BPF_MODIFY_RETURN") == 1
end

function kernel.support_raw_tracepoint()
  return has_symbol("bpf_find_raw_tracepoint") or has_symbol("bpf_get_raw_tracepoint")
end

function kernel.support_raw_tracepoint_in_module()
  return has_symbol("bpf_trace_modules")
end

local function mentions(words, row)
  for _, word in ipairs(words) do
    for i = 2, #row do
      if word:find(row[i], 1, true) then
        return true
      end
    end
  end
  return false
end

--- #include lines for a list of words from a program.
function kernel.generate_auto_includes(words)
  if type(words) ~= "table" then
    error("generate_auto_includes takes a list of strings", 2)
  end
  local lines = {}
  for _, row in ipairs(headers) do
    if mentions(words, row) then
      lines[#lines + 1] = ("#include <%s>\n"):format(row[1])
    end
  end
  return table.concat(lines)
end

return kernel
