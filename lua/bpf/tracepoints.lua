-- Many tracepoints at once, for targets.lua, in a way that ends fast.
--
-- To detach a tracepoint of the usual kind, the kernel waits until nothing runs in it, one after
-- the other: 15 s for 360. Raw tracepoints are the same places without that wait. The system calls'
-- tracepoints have no raw ones; but all of them begin in raw_syscalls, which tells the number.

local bpf = require "bpf"

local tracepoints = {}

-- Where the tracepoint's name is not the system call's.
local other_names = {
  newfstat = "fstat", newlstat = "lstat", newstat = "stat", newuname = "uname",
  sendfile64 = "sendfile", umount = "umount2",
}

-- Programs of 32 bits have other numbers, and no tracepoints of their own.
local of_calls = [[
static inline bool is_of_32_bits(void)
{
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
#if defined(__TARGET_ARCH_x86)
    return task->thread_info.status & 2; // TS_COMPAT
#elif defined(__TARGET_ARCH_arm64)
    return task->thread_info.flags & 1 << 22; // TIF_32BIT
#else
    return false;
#endif
}
]]

local of_call = [[
BPF_ARRAY(places_of_@, u32, 1024);

int on_sys_@(struct tracepoint__raw_syscalls__sys_@ *args)
{
    u32 number = args->id, *place = places_of_@.lookup(&number);
    return place && *place && !is_of_32_bits() ? hit(args, *place - 1) : 0;
}
]]

-- What is attached for the names: functions by place, and places by the number of a call.
local function sort(names)
  local numbers = {}
  for number, name in pairs(require "bpf.syscalls") do numbers[name] = number end
  local functions, calls = {}, {}
  for i, name in ipairs(names) do
    local moment, call = name:match("^syscalls:sys_(%l+)_(.+)$")
    local number = numbers[other_names[call] or call]
    if number then
      calls[moment] = calls[moment] or {}
      calls[moment][number] = i
    else
      functions[i] = "on_place_" .. i
    end
  end
  return functions, calls
end

local function attach_one(b, name, fn_name)
  -- Events that other tools define have no raw tracepoint.
  if not pcall(b.attach_raw_tracepoint, b, { tp = name:match(":(.*)"), fn_name = fn_name }) then
    b:attach_tracepoint{ tp = name, fn_name = fn_name }
  end
end

--- The tracepoints that an expression matches: their names, C text that calls hit(ctx, place) with
--- places from 0 on, and a function that attaches all.
---@param expression string POSIX extended, of CATEGORY:EVENT
---@return string[] names
---@return string program
---@return fun(b: bpf.BPF) attach
function tracepoints.choose(expression)
  local names = bpf.BPF.get_tracepoints(expression)
  local functions, calls = sort(names)
  local program = { next(calls) and of_calls or "" }
  for _, moment in ipairs{ "enter", "exit" } do
    if calls[moment] then program[#program + 1] = of_call:gsub("@", moment) end
  end
  for i = 1, #names do
    if functions[i] then
      program[#program + 1] =
        ("int %s(void *ctx) { return hit(ctx, %d); }\n"):format(functions[i], i - 1)
    end
  end

  local function attach(b)
    for moment, places in pairs(calls) do
      local places_of = b["places_of_" .. moment]
      for number, place in pairs(places) do places_of[number] = place end
      b:attach_tracepoint{ tp = "raw_syscalls:sys_" .. moment, fn_name = "on_sys_" .. moment }
    end
    for i, fn_name in pairs(functions) do attach_one(b, names[i], fn_name) end
  end
  return names, table.concat(program), attach
end

return tracepoints
