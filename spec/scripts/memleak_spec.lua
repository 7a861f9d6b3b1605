local json = require "dkjson"
local process = require "spec.support.process"
local tool = require "spec.support.tool"
local waiting = require "spec.support.waiting"

-- A program that keeps what keep() allocates, frees the rest, and then waits to be looked at.
local kept, bytes = 31, 1009
local source = ([[
  #include <stdio.h>
  #include <stdlib.h>
  #include <unistd.h>
  void *volatile last;
  __attribute__((noinline)) void keep(void) { last = malloc(%d); }
  __attribute__((noinline)) void use(void) { free(last = malloc(77)); free(last = calloc(3, 11)); }
  __attribute__((noinline)) void grow(void) { last = realloc(malloc(20), 400); free(last); }
  int main(void)
  {
      puts("ready");
      fflush(stdout);
      getchar();
      for (int i = 0; i < %d; i++) {
          use();
          grow();
          keep();
      }
      puts("done");
      fflush(stdout);
      pause();
  }
]]):format(bytes, kept)

describe("memleak", function()
  local program
  setup(function() program = process.compile(source) end)
  teardown(function() os.remove(program) end)

  -- What the tool says when the program has run; the program lives until then.
  local function trace(options)
    local leaking = waiting.start(program)
    local out = tool.run(("memleak -p %d %s"):format(leaking.pid, options), function()
      leaking:tell("go")
      leaking:wait_for("done")
    end)
    leaking:stop()
    return out
  end

  it("shows what is still held, exactly, and who asked for it", function()
    for _, mode in ipairs{ "--older 0", "--combined-only" } do
      local picture = os.tmpname()
      local out = trace(mode .. " --json --flamegraph " .. picture)
      local record
      for line in out:gmatch("[^\n]+") do
        local one = json.decode(line)
        assert.is_nil(table.concat(one.user, ";"):find("use", 1, true), line)
        assert.is_nil(table.concat(one.user, ";"):find("grow", 1, true), line)
        if one.bytes == kept * bytes then record = one end
      end
      assert.truthy(record, out)
      assert.equal(kept, record.allocations)
      assert.truthy(table.concat(record.user, ";"):find("main", 1, true), out)
      local file <close> = assert(io.open(picture))
      assert.truthy(file:read("a"):find("main", 1, true))
      os.remove(picture)
    end
  end)

  it("#any_kernel shows stacks to people, and only what is old and large enough", function()
    local out = trace("--older 0 --min-size 1009 -t -a")
    local text = ("%d bytes in %d allocations\n"):format(kept * bytes, kept)
    assert.truthy(out:find(text, 1, true), out)
    local told, listed = {}, {}
    for size, address in out:gmatch("\n%d+ +%S+ +(%d+) (0x%x+)") do told[address] = size end
    for address, size in out:gmatch("\n +at (0x%x+): (%d+) bytes") do
      assert.equal(told[address], size)
      if tonumber(size) == bytes then listed[#listed + 1] = address end
    end
    assert.equal(kept, #listed)
    assert.is_nil(trace("--older 60000 "):find("allocations\n", 1, true))
    -- Each third allocation of every CPU, and a rest on each.
    out = trace("--older 0 --min-size 1009 -s 3")
    local sampled = tonumber(out:match("in (%d+) allocations\n"))
    assert.is_true(sampled <= kept // 3 + 1 and sampled >= 1, sampled)
  end)

  it("#any_kernel watches the kernel's own allocations", function()
    local out = tool.run("memleak --older 0 --top 3 --json", function()
      os.execute("/bin/true")
    end)
    local count = 0
    for line in out:gmatch("[^\n]+") do
      local record = assert(json.decode(line))
      assert.is_true(record.bytes > 0)
      assert.is_true(#record.kernel > 0)
      count = count + 1
    end
    assert.equal(3, count)
  end)

  it("#any_kernel watches memory of each CPU", function()
    local unshared
    finally(function() if unshared then unshared:stop() end end)
    local records = tool.records("memleak --percpu --older 0", function()
      unshared = process.start("unshare -n sh -c 'echo there; exec sleep 600'")
      unshared:wait_for("there")
    end)
    local found = tool.select(records, function(record)
      return table.concat(record.kernel, " "):find("copy_net_ns", 1, true)
    end)
    assert.is_true(#found > 0)
  end)
end)
