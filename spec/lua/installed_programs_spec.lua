-- Programs as distributions build them, doing known work. Debian builds perl and MariaDB without
-- static probes (readelf -n shows none), so their functions are probed.
local bpf <const> = require "bpf"
local process <const> = require "spec.support.process"
local tool <const> = require "spec.support.tool"

-- The full path of an installed program that has a function, or nil.
local function find_program(name, symbol)
  local pipe <const> = io.popen(("PATH=$PATH:/usr/sbin; path=$(readlink -f $(command -v %s)) && "
    .. "readelf -sW --dyn-syms $path 2>/dev/null | grep -q ' %s$' && echo $path"):format(name,
    symbol))
  local path <const> = pipe:read("l")
  pipe:close()
  return path
end

describe("an installed program", function()
  it("MariaDB: its statements, by their first word #any_kernel", function()
    local parse <const> = "_Z11mysql_parseP3THDPcjP12Parser_state"
    local server <const> = find_program("mariadbd", parse)
    if not server then return pending("needs mariadbd (package mariadb-server-core)") end
    local b <close> = bpf.BPF{ text = [[
      struct word { char text[8]; };
      BPF_HASH(starts, struct word, u64);
      BPF_ARRAY(ends, u64, 1);
      int on(struct pt_regs *ctx, void *session, const char *statement) {
        struct word word = {};
        bpf_probe_read_user(word.text, sizeof(word.text) - 1, statement);
        starts.increment(word);
        return 0;
      }
      int on_end(struct pt_regs *ctx) { ends.increment(0); return 0; }]] }
    b:attach_uprobe{ name = server, sym = parse, fn_name = "on" }
    b:attach_uretprobe{ name = server, sym = parse, fn_name = "on_end" }
    local folder <const> = os.tmpname()
    os.execute(("rm %s && mkdir %s"):format(folder, folder))
    local statements <const> = { "create database d;", "create table d.t (a int) engine=myisam;" }
    for i = 1, 211 do statements[#statements + 1] = ("insert into d.t values (%d);"):format(i) end
    for i = 1, 17 do statements[#statements + 1] = ("delete from d.t where a = %d;"):format(i) end
    local file <const> = assert(io.open(folder .. ".sql", "w"))
    file:write(table.concat(statements, "\n"), "\n")
    file:close()
    local status <const>, _, errors <const> = process.run(([[%s --no-defaults --bootstrap \
      --user=root --skip-innodb --default-storage-engine=myisam --datadir=%s < %s.sql]]):format(
      server, folder, folder))
    os.execute(("rm -r %s %s.sql"):format(folder, folder))
    assert.equal(0, status, errors)
    local seen <const> = {}
    for word, count in pairs(b.starts) do seen[word.text] = count end
    assert.same({ ["create "] = 2, ["insert "] = 211, ["delete "] = 17 }, seen)
    assert.equal(230, b.ends[0])
  end)

  it("perl: its calls, and what it puts into its environment #any_kernel", function()
    local perl <const> = find_program("perl", "Perl_pp_entersub")
    if not perl then return pending("needs perl with its functions in the executable") end
    local pid <const>, go <const> = tool.prepare(perl
      .. [[ -e 'sub f { $ENV{"N" . $_[0] % 7} = "v" } f($_) for 1 .. 1009']])
    local b <close> = bpf.BPF{ text = [[
      struct setting { char name[8], value[8]; };
      BPF_HASH(settings, struct setting, u64);
      BPF_ARRAY(counts, u64, 2);
      static bool is_ours(void) { return bpf_get_current_pid_tgid() >> 32 == PID; }
      int on_call(void *ctx) { if (is_ours()) counts.increment(0); return 0; }
      int on_return(void *ctx) { if (is_ours()) counts.increment(1); return 0; }
      int on_set(struct pt_regs *ctx, void *interpreter, const char *name, const char *value) {
        struct setting setting = {};
        if (!is_ours() || !value) // it takes one away, as perl does once when it starts
          return 0;
        bpf_probe_read_user_str(setting.name, sizeof(setting.name), name);
        bpf_probe_read_user_str(setting.value, sizeof(setting.value), value);
        settings.increment(setting);
        return 0;
      }]], cflags = { "-DPID=" .. pid } }
    b:attach_uprobe{ name = perl, sym = "Perl_pp_entersub", fn_name = "on_call" }
    b:attach_uretprobe{ name = perl, sym = "Perl_pp_entersub", fn_name = "on_return" }
    b:attach_uprobe{ name = perl, sym = "Perl_my_setenv", fn_name = "on_set" }
    assert.is_true(go())
    local names, total = 0, 0
    for setting, count in pairs(b.settings) do
      assert.equal("v", setting.value)
      assert.truthy(setting.name:find("^N[0-6]$"), setting.name)
      names, total = names + 1, total + count
    end
    assert.same({ 1009, 1009, 7, 1009 }, { b.counts[0], b.counts[1], names, total })
  end)
end)
