-- Text that a person typed, to a function.

local evaluate = {}

local function print_help(...)
  print(require "bpf.repl.help".text(...))
end

--- Globals for typed text: Lua's own, and bpf, BPF, USDT and help. What the text defines stays in
--- here.
function evaluate.environment()
  local bpf = require "bpf"
  return setmetatable({ bpf = bpf, BPF = bpf.BPF, USDT = bpf.USDT, help = print_help },
    { __index = _G })
end

--- Compiles an expression or statements. Gives the function; or nil, why not, and whether more
-- text could make it right.
function evaluate.compile(text, name, environment)
  local fn = load("return " .. text, name, "t", environment)
  if fn then
    return fn
  end
  local problem
  fn, problem = load(text, name, "t", environment)
  if fn then
    return fn
  end
  return nil, problem, problem:find("<eof>'?$") ~= nil or problem:find("unfinished long") ~= nil
end

return evaluate
