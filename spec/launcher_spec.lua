local process = require("spec.support.process")

-- Calls use(path) with a new file that holds text.
local function with_file(text, use)
  local path = os.tmpname() .. ".lua"
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  use(path)
  os.remove(path)
end

describe("the launcher #any_kernel", function()
  it("lists each script with one line about it", function()
    local status, out, errors = process.run("./luabpf")
    assert.equal(0, status)
    assert.equal("", errors)
    for path in io.popen("ls scripts/*.lua"):lines() do
      local name = path:match("([^/]+)%.lua$")
      assert.truthy(out:find("\n  " .. name .. " +%a[^\n]+\n"), name .. " is not listed")
    end
    assert.equal(out, select(2, process.run("./luabpf --help")))
  end)

  it("names what there is when a name is wrong", function()
    local status, _, errors = process.run("./luabpf no-such-script")
    assert.equal(2, status)
    assert.truthy(errors:find("no script is called no-such-script", 1, true))
    assert.truthy(errors:find("execsnoop", 1, true))
  end)

  it("runs a script of the user's own, from any folder and through a link", function()
    with_file("print(require('bpf') and 'here', ...) os.exit(7)", function(path)
      local link = os.tmpname()
      os.execute(("ln -sf \"$PWD/luabpf\" %s"):format(link))
      local status, out = process.run(("sh -c 'cd / && exec %s %s \"a b\" c'"):format(link, path))
      assert.equal(7, status)
      assert.equal("here\ta b\tc\n", out)
      os.remove(link)
    end)
  end)

  it("becomes the interpreter, so that signals reach the script", function()
    with_file("print(io.open('/proc/self/stat'):read('n'))", function(path)
      local tool = process.start("./luabpf " .. path)
      assert.equal(tostring(tool.pid), tool:line())
      tool:finish()
    end)
  end)

  it("lets Ctrl-C end a script at any moment without a word, and closes what it holds", function()
    with_file([[local held <close> = setmetatable({}, {__close = function() print("closed") end})
      print("ready") io.flush() while true do end]], function(path)
      local tool = process.start("./luabpf " .. path)
      assert.equal("ready", tool:line())
      tool:signal("INT")
      assert.equal("closed", tool:line())
      local status, _, errors = tool:finish()
      assert.same({ 130, "" }, { status, errors })
    end)
  end)

  it("tells what a script was refused under its name, and where it went wrong by itself", function()
    with_file([[require("bpf").BPF{obj = "/no/such/file"}]], function(path)
      local status, _, errors = process.run("./luabpf " .. path)
      assert.equal(1, status)
      assert.equal(path:match("([^/]+)%.lua$") .. ": ", errors:match("^[^ ]+ "))
      assert.falsy(errors:find("traceback", 1, true), errors)
    end)
    with_file("local nothing\nnothing()", function(path)
      local status, _, errors = process.run("./luabpf " .. path)
      assert.equal(1, status)
      assert.truthy(errors:find(path .. ":2: attempt to call a nil value", 1, true), errors)
      assert.truthy(errors:find("traceback", 1, true), errors)
    end)
  end)

  it("says which packages are missing and how to get them when it may not install", function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute(([[mkdir %s && cd %s && printf '#!/bin/sh\necho 1000' > id &&
      printf '#!/bin/sh\necho /installed here/' > dpkg-query && chmod +x *]]):format(
      folder, folder))
    local status, _, errors = process.run(
      "env PATH=" .. folder .. " /bin/sh ./luabpf --need 'see this' here absent")
    os.execute("rm -r " .. folder)
    assert.equal(1, status)
    assert.truthy(errors:find("needed to see this", 1, true))
    assert.truthy(errors:find("apt%-get install .* absent\n"))
  end)

  local function completions(words)
    local _, out = process.run("./luabpf --complete " .. words)
    local list = {}
    for line in out:gmatch("[^\n]+") do list[#list + 1] = line end
    table.sort(list)
    return list
  end

  it("completes commands, options, kinds and the names of probes", function()
    assert.same({ "FILES", "execsnoop" }, completions("execs"))
    assert.same({ "FILES", "doctor" }, completions("doc"))
    assert.same({ "--max-args" }, completions("execsnoop --max"))
    assert.same({ "--verbose" }, completions("list --ver"))
    assert.same({ "tracepoint:" }, completions("list tracep"))
    assert.same({ "tracepoint:sched:" }, completions("list tracepoint:sche"))
    assert.same({ "tracepoint:sched:sched_process_exec", "tracepoint:sched:sched_process_exit" },
      completions("list tracepoint:sched:sched_process_ex"))
    assert.same({ "usdt" }, completions("list --kind us"))
  end)

  it("completes in bash, also behind a colon", function()
    local script = [[. lua/bpf/completion/luabpf.bash
      try() { COMP_LINE=$1 COMP_POINT=${#1}; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        compopt() { :; }; _luabpf; printf '%s ' "${COMPREPLY[@]}"; }
      try './luabpf doct' ./luabpf doct
      try './luabpf list software:PAGE_FAULTS_M' ./luabpf list software : PAGE_FAULTS_M
      try './luabpf list software:' ./luabpf list software : | grep -o CPU_CLOCK]]
    with_file(script, function(path)
      local _, out = process.run("bash " .. path)
      assert.equal("doctor PAGE_FAULTS_MAJ PAGE_FAULTS_MIN CPU_CLOCK\n", out)
    end)
  end)

  it("completes in zsh, in quotes too", function()
    if not os.execute("command -v zsh > /dev/null") then
      pending("needs the package zsh")
      return
    end
    -- A zsh on a terminal gets each line with a tab; ctrl-X shows what became of it.
    local script = [=[zmodload zsh/zpty
      zpty shell zsh -f -i
      zpty -w shell 'PS1=; fpath=($PWD/lua/bpf/completion $fpath); autoload -Uz compinit
        compinit -D -u
        show() { print -r -- "<$BUFFER>"; BUFFER= }; zle -N show; bindkey "^X" show; print RE""ADY'
      zpty -r -m shell shown '*READY*'
      for line in "$@"; do
        zpty -w -n shell "$line"$'\t\x18'
        zpty -r -m shell shown '*\<*\>*' && print -rn -- "${${shown#*\<}%\>*}|"
      done
      zpty -d shell]=]
    with_file(script, function(path)
      local status, out = process.run(("zsh -f %s './luabpf doct' './luabpf -i READ'"
        .. [[ './luabpf list software:CPU_CL' './luabpf list tracep' "./luabpf 'doct"]]):format(
        path))
      assert.equal("./luabpf doctor |./luabpf -i README.md |./luabpf list software:CPU_CLOCK |"
        .. "./luabpf list tracepoint:|./luabpf 'doctor' |", out)
      assert.equal(0, status)
    end)
  end)

  it("measures how long tools take to start", function()
    local status, out, errors = process.run("./luabpf bench tools 1 hello_fields killsnoop")
    assert.same({ 0, "" }, { status, errors })
    for _, name in ipairs{ "C on libbpf", "hello_fields", "killsnoop" } do
      local median, least, processor = out:match("\n" .. name .. " +(%S+) +(%S+) +(%S+)\n")
      assert.is_true(tonumber(processor) > 0, out)
      assert.is_true(tonumber(least) <= tonumber(median), out)
    end
  end)

  it("tells the help of a script without running it", function()
    local script_help = require "bpf.script_help"
    with_file([[local bpf = require "bpf"
      local parser = require "argparse"("mine", "Mine.")
      parser:option "--much"
      parser:parse()
      os.exit(9)]], function(path)
      assert.truthy(script_help(path):find("Usage: mine .*%-%-much"))
      assert.truthy(package.loaded["bpf"] == nil or package.loaded["bpf"].BPF)
    end)
    with_file("require('bpf').BPF{ text = 'x' }", function(path)
      assert.is_nil(script_help(path))
    end)
  end)
end)
