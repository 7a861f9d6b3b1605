-- Random C types: values that a C program encodes are read back field by field, and what Lua
-- encodes a C program reads back. The compiler alone tells the C program where each member lies.
-- 10,000 values each way; LUABPF_TYPE_VALUES chooses another number. Types and values follow from
-- the seeds. long double is left out: it has 16 bytes here and 8 in BPF.

local bpf <const> = require "bpf"
local trees <const> = require "spec.support.type_trees"

local seeds <const> = {7, 20011, 65537, 1000003}
local types_per_seed <const> = 25
local wanted <const> = tonumber(os.getenv("LUABPF_TYPE_VALUES") or 10000)
local values_per_type <const> = math.ceil(wanted / (#seeds * types_per_seed))

local function shell(command)
  local pipe <const> = assert(io.popen(command .. " 2>&1"))
  local output <const> = pipe:read("a")
  return pipe:close(), output
end

local function write(path, bytes)
  local file <const> = assert(io.open(path, "wb"))
  file:write(bytes)
  file:close()
end

local function read(path)
  local file <const> = assert(io.open(path, "rb"))
  local bytes <const> = file:read("a")
  file:close()
  return bytes
end

local function clang()
  for _, name in ipairs {"clang-19", "clang"} do
    if os.execute("command -v " .. name .. " > /dev/null 2>&1") then return name end
  end
end

-- Runs the oracle over requests, and gives what it answered.
local function ask(program, requests)
  write(program .. ".in", table.concat(requests))
  assert(os.execute(("%s < %s.in > %s.out"):format(program, program, program)))
  return read(program .. ".out")
end

local function pack_cells(cells)
  return string.pack("<" .. ("i8"):rep(#cells), table.unpack(cells))
end

-- One table for each type, all in one program.
local function open_tables(set)
  local text <const> = {set.text}
  for i, type in ipairs(set.types) do
    text[#text + 1] = ("BPF_TABLE(\"hash\", u32, %s, table%d, 4);"):format(type.name, i)
  end
  return bpf.BPF {text = table.concat(text, "\n")}
end

describe("a C type out of BTF #any_kernel", function()
  for _, seed in ipairs(seeds) do
    describe(("(seed %d)"):format(seed), function()
      local set <const> = trees.generate(seed, types_per_seed)
      local program, b

      setup(function()
        local compiler <const> = clang()
        if not compiler then return end
        program = os.tmpname()
        write(program .. ".c", set:oracle())
        local ok <const>, output <const> = shell(("LD_PRELOAD= %s -w -O1 -o %s %s.c"):format(
          compiler, program, program))
        assert(ok, output)
        b = open_tables(set)
      end)

      teardown(function()
        if b then b:close() end
        if program then os.execute(("rm -f %s %s.*"):format(program, program)) end
      end)

      before_each(function()
        if not program then pending("needs clang") end
      end)

      it("is decoded where the compiler put its members", function()
        local requests, values = {}, {}
        for i, type in ipairs(set.types) do
          for _ = 1, values_per_type do
            local value <const>, cells <const> = trees.value(set, type)
            values[#values + 1] = {type = i, value = value}
            requests[#requests + 1] = string.pack("<i8", 2 * i) .. pack_cells(cells)
          end
        end
        local bytes <const>, place = ask(program, requests), 1
        for _, item in ipairs(values) do
          local t <const> = b["table" .. item.type]
          t[7] = bytes:sub(place, place + t.leaf_size - 1) -- and back through the kernel
          place = place + t.leaf_size
          local difference <const> = trees.difference(item.value, t[7])
          assert(not difference, ("%s: %s"):format(set.types[item.type].name, difference))
        end
        assert.equal(#bytes, place - 1)
      end)

      it("is encoded where the compiler looks for its members", function()
        local requests, wanted_cells = {}, {}
        for i, type in ipairs(set.types) do
          local t <const> = b["table" .. i]
          for _ = 1, values_per_type do
            local value <const>, cells <const> = trees.value(set, type)
            t[7] = value
            requests[#requests + 1] = string.pack("<i8", 2 * i + 1) .. t[7]:bytes()
              .. pack_cells(cells.choices)
            wanted_cells[#wanted_cells + 1] = {type = i, cells = trees.shown(cells)}
          end
        end
        local answer <const>, place = ask(program, requests), 1
        for _, item in ipairs(wanted_cells) do
          for n, cell in ipairs(item.cells) do
            local shown
            shown, place = string.unpack("<i8", answer, place)
            if shown ~= cell then
              error(("%s: scalar %d is %x, not %x"):format(set.types[item.type].name, n, shown,
                cell))
            end
          end
        end
        assert.equal(#answer, place - 1)
      end)
    end)
  end
end)
