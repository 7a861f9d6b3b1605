-- What each lowering makes of a program: the calls of helpers in the object, with the lines that
-- they come from. Golden: programs in golden/*.c, where a comment at the end of a line names the
-- helpers that it calls, in order. Lines without such a comment call none.
local object <const> = require "spec.support.object"

local folder <const> = "spec/core/compile/golden"

local names <const> = {
  [1] = "lookup", [2] = "update", [3] = "delete", [4] = "probe_read", [5] = "ktime_get_ns",
  [6] = "trace_printk", [8] = "cpu", [12] = "tail_call", [14] = "pid_tgid", [16] = "comm",
  [25] = "perf_output",
  [27] = "stackid", [35] = "current_task", [45] = "probe_read_str", [87] = "push", [88] = "pop",
  [113] = "probe_read_kernel", [130] = "ringbuf_output", [131] = "ringbuf_reserve",
  [132] = "ringbuf_submit", [133] = "ringbuf_discard", [134] = "ringbuf_query",
  [177] = "trace_vprintk",
}

-- function -> list of "line: helper helper", from the comments of the text
local function expected(text)
  local functions, number, current = {}, 0, nil
  for line in text:gmatch("([^\n]*)\n") do
    number = number + 1
    local name <const> = line:match("^int ([%w_]+)%(")
    if name then
      current = {}
      functions[name] = current
    end
    local helpers <const> = line:match("// (.*)$")
    if helpers and current then current[#current + 1] = number .. ": " .. helpers end
  end
  return functions
end

-- The same from the object.
local function made(text)
  local functions = {}
  for name, fn in pairs(object.functions(assert(object.compile(text)))) do
    local by_line, lines = {}, {}
    for _, call in ipairs(fn.calls) do
      if not by_line[call.line] then
        by_line[call.line] = {}
        lines[#lines + 1] = call.line
      end
      table.insert(by_line[call.line], names[call.helper] or tostring(call.helper))
    end
    table.sort(lines)
    for i, line in ipairs(lines) do
      lines[i] = line .. ": " .. table.concat(by_line[line], " ")
    end
    functions[name] = lines
  end
  return functions
end

-- Older compilers give other lines to what stands before the first statement.
describe("the lowering of #newer_clang #any_kernel", function()
  local pipe <const> = io.popen("ls " .. folder .. "/*.c")
  for path in pipe:lines() do
    it(path:match("([^/]+)%.c$"), function()
      local file <const> = assert(io.open(path))
      local text <const> = file:read("a")
      file:close()
      assert.same(expected(text), made(text))
    end)
  end
  pipe:close()
end)
