-- luabpf -i in a real terminal, which tmux gives.

local process = require "spec.support.process"

local has_tmux = os.execute("command -v tmux > /dev/null") == true
local has_readline = package.searchpath("readline", package.path) ~= nil

local target = [[
#include <unistd.h>
#include <stdlib.h>
int main(int argc, char **argv) { for (int i = atoi(argv[1]); i > 0; i--) getpgid(0); return 0; }
]]

local program = {
  "b = BPF[[",
  "struct e_t { u32 n; char comm[16]; }; BPF_HASH(calls, u32, u64); BPF_PERF_OUTPUT(news);",
  "TRACEPOINT_PROBE(syscalls, sys_enter_getpgid) {",
  "struct e_t e = {.n = 7}; bpf_get_current_comm(e.comm, 16);",
  "if (e.comm[0] != 'r' || e.comm[1] != 't') return 0; // only the workload of this spec",
  "calls.atomic_increment(e.n); news.perf_submit(args, &e, sizeof(e)); return 0; }",
  "]]",
}

describe("luabpf -i in a terminal #any_kernel", function()
  if not has_tmux or not has_readline then
    it("edits, completes, shows", function()
      pending("needs the packages tmux and lua-readline")
    end)
    return
  end

  local folder, tmux

  local function quote(text)
    return "'" .. text:gsub("'", "'\\''") .. "'"
  end

  local function run(command)
    assert(os.execute(tmux .. command .. " 2>/dev/null"))
  end

  local function screen()
    local pipe = io.popen(tmux .. "capture-pane -p -J -S -200")
    local text = pipe:read("a")
    pipe:close()
    return (text:gsub(" +\n", "\n"))
  end

  local function wait_for(text, times)
    local found = process.wait_until(function()
      return select(2, screen():gsub(text:gsub("%p", "%%%0"), "")) >= (times or 1)
    end)
    assert(found, ("no %q on the screen:\n%s"):format(text, screen()))
  end

  local function type_text(text)
    run("send-keys -l " .. quote((text:gsub(";$", "\\;")))) -- tmux splits commands there
  end

  local function key(name)
    run("send-keys " .. name)
  end

  -- Types a line and waits until it has been run: the answer ends with a mark.
  local marks = 0
  local function enter(text)
    marks = marks + 1
    type_text(text)
    key "Enter"
    type_text(("'mark' .. %d"):format(marks))
    key "Enter"
    wait_for("\nmark" .. marks)
  end

  setup(function()
    folder = os.tmpname()
    os.remove(folder)
    os.execute("mkdir " .. folder)
    tmux = ("tmux -f /dev/null -L %s "):format(folder:match("[^/]+$"))
    local workload = process.compile(target)
    os.execute(("mv %s %s/rt_load"):format(workload, folder))
    run(("new-session -d -x 120 -y 60 \"env XDG_STATE_HOME=%s LUABPF_BUILD=%s ./luabpf -i; "
      .. "echo the status is $?; sleep 60\""):format(folder, os.getenv("LUABPF_BUILD") or ""))
    wait_for("help() tells how to start")
  end)

  teardown(function()
    os.execute(tmux .. "kill-server 2>/dev/null")
    os.execute("rm -r " .. folder)
  end)

  it("runs what spans lines, and gives events while one types", function()
    for _, line in ipairs(program) do
      type_text(line)
      key "Enter"
    end
    enter "b.news:open_perf_buffer(function(_, e) print('event of ' .. e.comm, e.n) end)"
    type_text "b.ca"
    assert(os.execute(folder .. "/rt_load 3"))
    wait_for("event of rt_load", 3)
    wait_for("\n> b.ca\n") -- the line is there again, below
    key "Tab"
    wait_for("> b.calls")
    key "Enter"
    wait_for("\nkey  leaf\n  7     3\n")
  end)

  it("completes the names of probes inside a string", function()
    type_text "b:attach_tracepoint{tp = \"sched:sched_process_ex"
    key "Tab"
    key "Tab"
    wait_for("sched:sched_process_exec")
    wait_for("sched:sched_process_exit")
    key "C-u"
  end)

  it("goes on after Ctrl-C: in a call, in a loop, in a line", function()
    type_text "print('sleeps') bpf.sleep(1000)"
    key "Enter"
    wait_for("\nsleeps\n")
    key "C-c"
    wait_for("interrupted")
    type_text "print('turns') while true do end"
    key "Enter"
    wait_for("\nturns\n")
    key "C-c"
    wait_for("interrupted", 2)
    type_text "a line that"
    wait_for("a line that")
    key "C-c"
    wait_for("a line that^C\n")
    enter "5 * 5"
    wait_for("\n25\n")
  end)

  it("tells errors in a line, and has help", function()
    enter "nothing.here"
    wait_for("typed:1: attempt to index a nil value (global 'nothing')\n")
    assert.falsy(screen():find("traceback"))
    enter "help(b.calls.sum)"
    wait_for("b.table:sum(key)")
    enter "help"
    wait_for("help(x) tells about")
  end)

  it("keeps the lines that were typed, for the owner only", function()
    type_text "exit"
    key "Enter"
    wait_for("the status is 0")
    local history = folder .. "/luabpf/history"
    local _, text = process.run(("sh -c 'stat -c %%a %s; tail -n 1 %s'"):format(history, history))
    assert.equal("600\nexit\n", text)
  end)
end)
