-- What people name to be traced, for the tools that take any of it:
--
--   vfs_read, vfs_*, p::vfs_read   functions of the kernel
--   c:malloc, c:str*, /bin/a:f     functions of a library or program
--   t:sched:sched_switch           tracepoints
--   u:PATH:probe, u:PATH:prov:*    static probes (USDT); without PATH those of the process
--
-- A tool's program has a function hit(ctx, place), and gets a number for each place; names come
-- back by target:name(place).
--
--   targets.options(parser)
--   local target = targets.parse(options.target, options)
--   local b <close> = bpf.BPF{ text = program .. target.program, usdt_contexts = target.contexts }
--   target:attach(b)

local bpf = require "bpf"
local tool = require "bpf.tool"

local targets = {}
local target = {}
target.__index = target

--- Adds the target to a parser, and the options of the tools that count at its places.
---@param parser table
---@param kinds? string which targets, if not all
function targets.options(parser, kinds)
  parser:argument("target", (kinds or "FUNCTION of the kernel, LIBRARY:FUNCTION, "
    .. "t:CATEGORY:EVENT, or u:PATH:PROBE") .. "; * and ? stand for any letters.")
  parser:option("-i --interval", "Report each so many seconds, not only at the end.")
    :convert(tool.number)
  parser:flag("-T --timestamp", "Show the time of day of each report.")
  parser:flag("-r --regexp", "The target's name is a regular expression (POSIX extended).")
end

local function fail(text)
  io.stderr:write(text, "\n")
  os.exit(1, true)
end

-- "vfs_*" as an expression that means the same.
local function expression_of_wildcards(text)
  return (text:gsub("[][(){}.+^$|\\]", "\\%0"):gsub("[*?]", { ["*"] = ".*", ["?"] = "." }))
end

local function pattern_of_wildcards(text)
  text = text:gsub("[][().%+^$%%-]", "%%%0"):gsub("[*?]", { ["*"] = ".*", ["?"] = "." })
  return "^" .. text .. "$"
end

-- A place's number where the kernel tells it: a function's address, or the attach cookie.
local functions = {
  kernel = "int on_hit(struct pt_regs *ctx) { return hit(ctx, bpf_get_func_ip(ctx)); }\n",
  user = "int on_hit(struct pt_regs *ctx) { return hit(ctx, bpf_get_attach_cookie(ctx)); }\n",
  tracepoint = "int on_hit(void *ctx) { return hit(ctx, bpf_get_attach_cookie(ctx)); }\n",
}

-- Static probes have functions of their own, because their attach cookies are taken.
local function choose_static_probes(self, name, given)
  local provider, probe = name:match("^([^:]+):([^:]+)$")
  probe = pattern_of_wildcards(probe or name)
  provider = pattern_of_wildcards(provider or "*")
  local context = bpf.USDT{ pid = given.pid, path = self.library ~= "" and self.library or nil }
  self.names, self.contexts = {}, { context }
  local parts = {}
  for _, found in ipairs(context:enumerate_probes()) do
    if found.name:find(probe) and found.provider:find(provider) then
      local index = #self.names
      self.names[index + 1] = found:short_name()
      context:enable_probe(found:short_name(), "on_hit_" .. index)
      parts[#parts + 1] =
        ("int on_hit_%d(struct pt_regs *ctx) { return hit(ctx, %d); }\n"):format(index, index)
    end
  end
  if #parts == 0 then
    fail("no static probe matches " .. self.text .. "\nluabpf list -k usdt --path PATH shows them")
  end
  self.program = table.concat(parts)
end

--- Understands the text, or ends the tool with what is wrong.
---@param text string
---@param given { pid: integer?, regexp: boolean? } regexp: names are POSIX extended expressions
function targets.parse(text, given)
  local self = setmetatable({ text = text, pid = given.pid }, target)
  local kind, rest = text:match("^([ptu]?):(.*)$")
  if kind == "t" then
    self.kind, self.pattern = "tracepoint", rest
  elseif kind == "u" then
    self.kind = "usdt"
    self.library, rest = rest:match("^([^:]*):(.+)$")
    if not self.library then fail(text .. ": write u:PATH:PROBE") end
    choose_static_probes(self, rest, given)
    return self
  else
    local library, name = (rest or text):match("^(.*):([^:]+)$")
    self.pattern = name or rest or text
    self.library = library ~= "" and library or nil
    self.kind = self.library and "user" or "kernel"
  end
  if self.pattern == "" or (kind == "t" and not rest:find(":", 1, true)) then
    fail(text .. ": write FUNCTION, LIBRARY:FUNCTION, t:CATEGORY:EVENT or u:PATH:PROBE")
  end
  self.is_single = not given.regexp and not self.pattern:find("[*?]")
  self.expression = given.regexp and self.pattern or expression_of_wildcards(self.pattern)
  if self.kind == "tracepoint" and not self.is_single then
    self.names, self.program, self.attach_all =
      require "bpf.tracepoints".choose(self.expression)
    if #self.names == 0 then
      fail("no tracepoint matches " .. text .. "\nluabpf list -k tracepoint shows them")
    end
    return self
  end
  self.program = functions[self.kind]
  return self
end

local function options_of(self, fn_name)
  local name, re = "sym", "sym_re"
  if self.kind == "kernel" then
    name, re = "event", "event_re"
  elseif self.kind == "tracepoint" then
    name, re = "tp", "tp_re"
  end
  local chosen = { fn_name = fn_name, name = self.library }
  if self.kind == "user" then chosen.pid = self.pid end
  chosen[self.is_single and name or re] = self.is_single and self.pattern or self.expression
  return chosen
end

--- Attaches on_hit, or what else is named, to all places; returns how many there are.
---@param b bpf.BPF
---@param fn_name? string
---@param is_return? boolean where functions return
---@return integer
function target:attach(b, fn_name, is_return)
  if self.kind == "usdt" then return #self.names end
  if self.attach_all then
    self.attach_all(b)
    return #self.names
  end
  local attach = self.kind == "tracepoint" and b.attach_tracepoint
    or self.kind == "user" and (is_return and b.attach_uretprobe or b.attach_uprobe)
    or (is_return and b.attach_kretprobe or b.attach_kprobe)
  local good, link = pcall(attach, b, options_of(self, fn_name or "on_hit"))
  if not good then
    if type(link) == "string" then error(link, 0) end
    fail(link.message .. (link.hint and "\n" .. link.hint or ""))
  end
  self.names = self.kind ~= "kernel" and link:places() or nil
  return link:count()
end

--- The name of a place by the number that hit() got.
---@param place integer
---@return string
function target:name(place)
  return self.names and self.names[place + 1] or bpf.BPF.ksym(place)
end

return targets
