-- What the compiler made of a program, read from the object itself: instructions, calls and the
-- lines they came from. It shares no code with the loader.
local object = {}

local function shell(command)
  local pipe <const> = io.popen(command .. "; echo \"status $?\"")
  local output, status = pipe:read("a"):match("^(.-)status (%d+)%s*$")
  pipe:close()
  return status == "0", output
end

-- Compiles `text` in a process of its own with an empty cache, where the object is then found.
-- Gives the object's bytes, or nil and what the compiler said.
function object.compile(text, options)
  local folder <const> = os.tmpname()
  os.remove(folder)
  local source <const> = folder .. ".c"
  local file <const> = assert(io.open(source, "w"))
  file:write(text)
  file:close()
  local lua <const> = [[
local ok, message = pcall(require "bpf".BPF, {src_file = arg[1], auto_attach = false,
  cflags = {table.unpack(arg, 2)}})
if not ok then
  io.stdout:write(type(message) == "userdata" and (message.log or "") or "", tostring(message))
  os.exit(1)
end]]
  local script <const> = folder .. ".lua"
  local code <const> = assert(io.open(script, "w"))
  code:write(("package.path, package.cpath = %q, %q\n"):format(package.path, package.cpath), lua)
  code:close()
  local flags = ""
  for _, flag in ipairs(options and options.cflags or {}) do
    flags = flags .. " '" .. flag:gsub("'", "'\\''") .. "'"
  end
  local ok <const>, output <const> = shell(("LUABPF_CACHE=%s lua5.4 %s %s%s 2>&1"):format(
    folder, script, source, flags))
  local _, name <const> = shell("ls " .. folder .. "/* 2>/dev/null")
  local cached <const> = name:match("%S+") and io.open(name:match("%S+"), "rb")
  local bytes <const> = cached and cached:read("a")
  if cached then cached:close() end
  shell("rm -rf " .. folder .. " " .. source .. " " .. script)
  if not ok or not bytes then return nil, output end
  -- A file of the cache: magic, size of the key, size of the object, …, the key, the object.
  local key_size <const>, size <const> = string.unpack("<I8I8", bytes, 9)
  local from <const> = assert(bytes:find("\127ELF", 24 + key_size, true))
  return bytes:sub(from, from + size - 1)
end

local function name_at(strings, offset) return string.unpack("z", strings, offset + 1) end

-- Sections in their order, each {name, kind, flags, bytes, link}.
function object.sections(bytes)
  local offset <const> = string.unpack("<I8", bytes, 0x28 + 1)
  local size <const>, count <const>, names <const> = string.unpack("<I2I2I2", bytes, 0x3a + 1)
  local list = {}
  for i = 0, count - 1 do
    local name, kind, flags, _, from, length, link =
      string.unpack("<I4I4I8I8I8I8I4", bytes, offset + i * size + 1)
    list[i] = {name = name, kind = kind, flags = flags, link = link,
      bytes = kind ~= 8 and bytes:sub(from + 1, from + length) or ""}
  end
  local strings <const> = list[names].bytes
  for i = 0, count - 1 do list[i].name = name_at(strings, list[i].name) end
  return list
end

-- (section, instruction index) -> source line
local function lines_of(sections)
  local btf, extension
  for _, section in pairs(sections) do
    if section.name == ".BTF" then btf = section.bytes end
    if section.name == ".BTF.ext" then extension = section.bytes end
  end
  local lines = {}
  if not btf or not extension then return lines end
  local header <const>, _, _, strings_from <const> = string.unpack("<I4I4I4I4", btf, 5)
  local strings <const> = btf:sub(header + strings_from + 1)
  local start <const>, _, _, from <const>, length <const> =
    string.unpack("<I4I4I4I4I4", extension, 5)
  local at, last <const> = start + from + 1, start + from + length
  local record <const> = string.unpack("<I4", extension, at)
  at = at + 4
  while at < last do
    local name, count = string.unpack("<I4I4", extension, at)
    local of = {}
    lines[name_at(strings, name)] = of
    for i = 0, count - 1 do
      local offset, _, _, line = string.unpack("<I4I4I4I4", extension, at + 8 + i * record)
      of[offset // 8] = line >> 10
    end
    at = at + 8 + count * record
  end
  return lines
end

-- Functions of an object: name -> {count = instructions, calls = {{helper, line}…},
-- functions = {name = how often it calls that static function}, stack = bytes}, in sections of
-- code only.
function object.functions(bytes)
  local sections <const> = object.sections(bytes)
  local lines <const> = lines_of(sections)
  local functions, static = {}, {}
  for _, table_section in pairs(sections) do
    if table_section.kind == 2 then
      local strings <const> = sections[table_section.link].bytes
      for at = 1, #table_section.bytes, 24 do
        local name, info, _, index, value, size =
          string.unpack("<I4I1I1I2I8I8", table_section.bytes, at)
        local section <const> = sections[index]
        if info & 15 == 2 and section then
          local of <const> = {count = size // 8, calls = {}, functions = {}, stack = 0}
          functions[name_at(strings, name)] = of
          if section.name == ".text" then static[value // 8] = name_at(strings, name) end
          local line
          for i = value // 8, (value + size) // 8 - 1 do
            line = lines[section.name] and lines[section.name][i] or line
            local code, registers, offset, immediate =
              string.unpack("<I1I1i2i4", section.bytes, i * 8 + 1)
            local is_load <const>, is_store <const> = code & 7 == 1, code & 6 == 2
            if code == 0x85 and registers >> 4 == 0 then
              of.calls[#of.calls + 1] = {helper = immediate, line = line}
            elseif code == 0x85 and registers >> 4 == 1 then
              of.functions[immediate + 1] = (of.functions[immediate + 1] or 0) + 1
            elseif code == 0x07 and immediate < 0 and -immediate <= 512 then
              of.stack = math.max(of.stack, -immediate)
            elseif is_load and registers >> 4 == 10 or is_store and registers & 15 == 10 then
              of.stack = math.max(of.stack, -offset)
            end
          end
        end
      end
    end
  end
  for _, of in pairs(functions) do
    local named = {}
    for place, times in pairs(of.functions) do named[static[place] or place] = times end
    of.functions = named
  end
  return functions
end

-- Offsets of a function's loads through a register as long as nothing else is in it, and through
-- those that it was copied to; sorted.
function object.loads(bytes, name, register)
  local offsets, copies = {}, {[register] = true}
  for _, section in pairs(object.sections(bytes)) do
    if section.name == "fn/" .. name and section.kind == 1 then
      for at = 1, #section.bytes, 8 do
        local code, registers, offset = string.unpack("<I1I1i2", section.bytes, at)
        local class <const>, to <const>, from <const> = code & 7, registers & 15, registers >> 4
        if class == 1 and copies[from] then offsets[#offsets + 1] = offset end
        if code == 0xbf then -- to = from
          copies[to] = copies[from]
        elseif class == 0 or class == 1 or class == 4 or class == 7 then -- loads, arithmetic
          copies[to] = nil
        elseif code == 0x85 then -- call
          for r = 0, 5 do copies[r] = nil end
        end
      end
    end
  end
  table.sort(offsets)
  return offsets
end

-- Instructions of all code sections together, subprograms included.
function object.instruction_count(bytes)
  local count = 0
  for _, section in pairs(object.sections(bytes)) do
    if section.kind == 1 and section.flags & 4 ~= 0 then count = count + #section.bytes // 8 end
  end
  return count
end

return object
