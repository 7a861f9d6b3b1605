-- Lines of trace_pipe that kernels wrote, as fields: kernels and options differ in columns.
local build <const> = require "spec.support.build"

local function output_of(command)
  local pipe <const> = assert(io.popen(command))
  local text <const> = pipe:read("a")
  assert(pipe:close(), command)
  return text
end

local function fields_of(text)
  local folder <const> = os.tmpname()
  os.remove(folder)
  local program <const> = build.program("trace_lines", "-D_GNU_SOURCE -Icore "
    .. "core/stream/trace_pipe.c core/base/buffer.c core/base/error.c")
  output_of("mkdir " .. folder)
  local file <const> = assert(io.open(folder .. "/trace_pipe", "w"))
  file:write(text)
  file:close()
  local result <const> = output_of(program .. " " .. folder)
  os.execute("rm -r " .. folder)
  return result
end

describe("a line of trace_pipe #any_kernel", function()
  it("is split with the columns of each kernel", function()
    assert.equal([[
bash|2231|1|...21|6843.147923|hello
bash|2231|1|d..3.|6843.147924|since 5.16: a fifth flag
bash|2231|12||6843.147925|without irq-info
bash|2231|3|....|6843.147926|with tgid
bash|2231|3||6843.147927|an unknown tgid, no flags
bash|2231|0|....|123456789.000000|with the clock counter
<idle>|0|0|dNh2.|6843.147928|an interrupt of nobody
bash|4194304|0|....|6843.147929|a pid of seven digits
]], fields_of[[
            bash-2231    [001] ...21  6843.147923: bpf_trace_printk: hello
            bash-2231    [001] d..3.  6843.147924: bpf_trace_printk: since 5.16: a fifth flag
            bash-2231    [012]  6843.147925: bpf_trace_printk: without irq-info
            bash-2231    (   2231) [003] ....  6843.147926: bpf_trace_printk: with tgid
            bash-2231    (-------) [003]  6843.147927: bpf_trace_printk: an unknown tgid, no flags
            bash-2231    [000] .... 123456789: bpf_trace_printk: with the clock counter
          <idle>-0       [000] dNh2.  6843.147928: bpf_trace_printk: an interrupt of nobody
            bash-4194304 [000] ....  6843.147929: bpf_trace_printk: a pid of seven digits
]])
  end)

  it("may have any name in it", function()
    assert.equal([[
my app|1|0|....|1.000001|a
a-1 [000] b|2|0|....|1.000002|b
lead|3|0|....|1.000003|c
kworker/0:1-ev|4|0|....|1.000004|d
sixteen-letters|5|0|....|1.000005|e
(sd-pam)|6|0|....|1.000006|f
tail |7|0|....|1.000007|g
]], fields_of[[
          my app-1       [000] ....     1.000001: bpf_trace_printk: a
     a-1 [000] b-2       [000] ....     1.000002: bpf_trace_printk: b
            lead-3       [000] ....     1.000003: bpf_trace_printk: c
  kworker/0:1-ev-4       [000] ....     1.000004: bpf_trace_printk: d
 sixteen-letters-5       [000] ....     1.000005: bpf_trace_printk: e
        (sd-pam)-6       [000] ....     1.000006: bpf_trace_printk: f
           tail -7       [000] ....     1.000007: bpf_trace_printk: g
]])
  end)

  it("may begin a message of several", function()
    assert.equal([[
a|1|0|....|1.000001|one\two\\three: 3
b|2|0|....|1.000002|: colons: everywhere: [1]
c|3|0|....|1.000003|
d|4|0|....|1.000004|last
]], fields_of[[
the end of a message that another reader began
               a-1       [000] ....     1.000001: bpf_trace_printk: one
two

three: 3

               b-2       [000] ....     1.000002: bpf_trace_printk: : colons: everywhere: [1]

CPU:3 [LOST 17 EVENTS]
               c-3       [000] ....     1.000003: bpf_trace_printk:
               d-4       [000] ....     1.000004: bpf_trace_printk: last
]])
  end)

  it("is passed over when it is no event", function()
    assert.equal("", fields_of[[
CPU:1 [LOST 2 EVENTS]
short
               a-x       [000] ....     1.000001: bpf_trace_printk: no pid
               a-1       [zero] ....     1.000001: bpf_trace_printk: no cpu
               a-1       [000] ....     now: bpf_trace_printk: no time
               a-99999999999999999999 [000] ....     1.000001: bpf_trace_printk: too large
]])
  end)
end)
