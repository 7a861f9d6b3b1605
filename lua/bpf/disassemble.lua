-- BPF instructions as text, in BCC's words: "r1 += 5", "if r1 == 0 goto pc+3 <7>". Where BCC knows
-- an opcode, the text is BCC's, so 32-bit arithmetic reads like 64-bit arithmetic and the opcode in
-- front tells them apart; the opcodes that it does not know read as the kernel's verifier prints
-- them, with w registers where 32 bits count.

local core = require "bpf.core"

local disassemble = {}

local arithmetic = {
  [0x00] = "+=", [0x10] = "-=", [0x20] = "*=", [0x30] = "/=", [0x40] = "|=", [0x50] = "&=",
  [0x60] = "<<=", [0x70] = ">>=", [0x90] = "%=", [0xa0] = "^=", [0xb0] = "=", [0xc0] = "s>>=",
}
local signed = { [0x30] = "s/=", [0x90] = "s%=" }
local extended = { [8] = true, [16] = true, [32] = true } -- a move that keeps the sign
local bitwise = { [0x40] = true, [0x50] = true, [0xa0] = true }
local comparisons = {
  [0x10] = "==", [0x20] = ">", [0x30] = ">=", [0x40] = "&", [0x50] = "!=", [0x60] = "s>",
  [0x70] = "s>=", [0xa0] = "<", [0xb0] = "<=", [0xc0] = "s<", [0xd0] = "s<=",
}
local widths = { [0x00] = 32, [0x08] = 16, [0x10] = 8, [0x18] = 64 }
local atomics = { [0x00] = "add", [0x40] = "or", [0x50] = "and", [0xa0] = "xor" }
local plain_atomics = { [0x00] = "+=", [0x40] = "|=", [0x50] = "&=", [0xa0] = "^=" }

-- One instruction: code, dst, src, off, imm.
local function unpack_at(bytes, index)
  local code, registers, off, imm = ("<BBi2i4"):unpack(bytes, 8 * index + 1)
  return { code = code, dst = registers & 15, src = registers >> 4, off = off, imm = imm }
end

local function arithmetic_text(i)
  local operation, from_register = i.code & 0xf0, i.code & 8 ~= 0
  local wide = i.code & 7 == 7
  if operation == 0x80 then
    return ("r%d = ~ (u%d)r%d"):format(i.dst, wide and 64 or 32, i.dst)
  elseif operation == 0xd0 then
    if wide then
      return ("r%d = bswap%d r%d"):format(i.dst, i.imm, i.dst)
    elseif from_register then
      return ("r%d endian r%d"):format(i.dst, i.src)
    end
    return ("r%d = le%d r%d"):format(i.dst, i.imm, i.dst)
  end
  local operator = i.off == 1 and signed[operation] or arithmetic[operation]
  if not operator then
    return nil
  elseif from_register and operation == 0xb0 and extended[i.off] then
    return ("r%d = (s%d)r%d"):format(i.dst, i.off, i.src)
  elseif from_register then
    return ("r%d %s r%d"):format(i.dst, operator, i.src)
  elseif bitwise[operation] then
    return ("r%d %s 0x%x"):format(i.dst, operator, i.imm & 0xffffffff)
  end
  return ("r%d %s %d"):format(i.dst, operator, i.imm)
end

local function call_text(i)
  if i.src == 1 then
    return ("call %+d"):format(i.imm)
  elseif i.src == 2 then
    return ("call <kernel function #%d>"):format(i.imm)
  end
  local name = core.BPF.helper_name(i.imm & 0xffffffff)
  return name and ("call %s#%d"):format(name, i.imm)
    or ("call <unknown helper #%d>"):format(i.imm)
end

local function jump_text(i, index)
  local operation, narrow = i.code & 0xf0, i.code & 7 == 6
  if operation == 0x00 then
    local distance = narrow and i.imm or i.off
    return ("goto %+d <%d>"):format(distance, index + distance + 1)
  elseif operation == 0x80 and not narrow then
    return i.code & 8 ~= 0 and ("callx r%d"):format(i.dst) or call_text(i)
  elseif operation == 0x90 and not narrow then
    return "exit"
  elseif operation == 0xe0 and not narrow then
    return ("may_goto %+d <%d>"):format(i.off, index + i.off + 1)
  elseif not comparisons[operation] then
    return nil
  end
  local register = narrow and "w%d" or "r%d"
  local right = i.code & 8 ~= 0 and register:format(i.src) or ("%d"):format(i.imm)
  return ("if %s %s %s goto pc%+d <%d>"):format(register:format(i.dst), comparisons[operation],
    right, i.off, index + i.off + 1)
end

local function atomic_text(i, width)
  local place = ("*(u%d*)(r%d %+d)"):format(width, i.dst, i.off)
  local operation, register = i.imm & 0xf0, width == 64 and "r" or "w"
  if i.imm == 0xe1 then
    return ("%s%d = xchg(%s, %s%d)"):format(register, i.src, place, register, i.src)
  elseif i.imm == 0xf1 then
    return ("%s0 = cmpxchg(%s, %s0, %s%d)"):format(register, place, register, register, i.src)
  elseif i.imm & 1 ~= 0 and atomics[operation] then
    return ("%s%d = fetch_%s(%s, %s%d)"):format(register, i.src, atomics[operation], place,
      register, i.src)
  elseif plain_atomics[operation] then
    return ("lock %s %s r%d"):format(place, plain_atomics[operation], i.src)
  end
end

-- Loads and stores. Modes: 0x00 immediate, 0x20 and 0x40 of packets, 0x60 memory, 0x80 memory with
-- its sign, 0xc0 atomic.
local function memory_text(i)
  local class, mode, width = i.code & 7, i.code & 0xe0, widths[i.code & 0x18]
  if class == 0 and mode == 0x20 then
    return ("r0 = *(u%d*)skb[%d]"):format(width, i.imm)
  elseif class == 0 and mode == 0x40 then
    return ("r0 = *(u%d*)skb[r%d %+d]"):format(width, i.src, i.imm)
  elseif class == 1 and (mode == 0x60 or mode == 0x80) then
    return ("r%d = *(%s%d*)(r%d %+d)"):format(i.dst, mode == 0x60 and "u" or "s", width, i.src,
      i.off)
  elseif class == 2 and mode == 0x60 then
    return ("*(u%d*)(r%d %+d) = %d"):format(width, i.dst, i.off, i.imm)
  elseif class == 3 and mode == 0x60 then
    return ("*(u%d*)(r%d %+d) = r%d"):format(width, i.dst, i.off, i.src)
  elseif class == 3 and mode == 0xc0 then
    return atomic_text(i, width)
  end
end

local function text_of(i, index)
  local class = i.code & 7
  if class == 4 or class == 7 then
    return arithmetic_text(i)
  elseif class == 5 or class == 6 then
    return jump_text(i, index)
  end
  return memory_text(i)
end

-- A 64-bit constant takes two instructions; src says what it means.
local function wide_text(i, upper)
  local value = upper.imm << 32 | i.imm & 0xffffffff
  if i.src == 1 or i.src == 5 then
    return ("r%d = <map at fd #%d>"):format(i.dst, i.imm)
  elseif i.src == 2 or i.src == 6 then
    return ("r%d = <value of map at fd #%d>%+d"):format(i.dst, i.imm, upper.imm)
  elseif i.src == 3 then
    return ("r%d = <kernel variable #%d>"):format(i.dst, i.imm)
  elseif i.src == 4 then
    return ("r%d = <function at %+d>"):format(i.dst, i.imm)
  end
  return ("r%d = 0x%x"):format(i.dst, value)
end

--- One line for each instruction in a string of them, as dump_func gives it.
function disassemble.lines(bytes)
  local lines, index, count = {}, 0, #bytes // 8
  while index < count do
    local i = unpack_at(bytes, index)
    local text
    if i.code == 0x18 and index + 1 < count then
      text = wide_text(i, unpack_at(bytes, index + 1))
    else
      text = text_of(i, index) or ("unknown <0x%x>"):format(i.code)
    end
    lines[#lines + 1] = ("%4d: (%02x) %s"):format(index, i.code, text)
    index = index + 1
    if i.code == 0x18 and index < count then
      lines[#lines + 1] = ("%4d: (64-bit upper word)"):format(index)
      index = index + 1
    end
  end
  return lines
end

disassemble.methods = {}

--- The instructions of a function as text.
function disassemble.methods:disassemble_func(name)
  local lines = disassemble.lines(self:dump_func(name))
  table.insert(lines, 1, ("Disassemble of BPF program %s:"):format(name))
  return table.concat(lines, "\n")
end

return disassemble
