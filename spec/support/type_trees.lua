-- Random C types, and random values of them. A generated set has:
--   text     the definitions, plain C that clang takes for this machine and for BPF alike
--   types    {{name = "struct t1", tree = …}, …}
--   oracle() a C program that converts between values and bytes by plain member access, so it
--            knows every offset from the compiler alone
-- A value travels to and from the oracle as "cells": one 64-bit integer for each scalar, two for
-- __int128, and one before each union that says which of its members is meant.

local trees = {}

local scalars <const> = {
  {c = "unsigned char", bits = 8}, {c = "signed char", bits = 8, signed = true},
  {c = "char", bits = 8, signed = true},
  {c = "unsigned short", bits = 16}, {c = "short", bits = 16, signed = true},
  {c = "unsigned int", bits = 32}, {c = "int", bits = 32, signed = true},
  {c = "unsigned long", bits = 64}, {c = "long", bits = 64, signed = true},
  {c = "unsigned long long", bits = 64}, {c = "long long", bits = 64, signed = true},
}

local enums <const> = {
  {c = "enum plain", bits = 32}, {c = "enum negative", bits = 32, signed = true},
  {c = "enum wide", bits = 64}, {c = "enum wide_negative", bits = 64, signed = true},
  {c = "enum narrow", bits = 8},
}

local prologue <const> = [[
enum plain { P0, P7 = 7 };
enum negative { N1 = -1, N5 = 5 };
enum wide { W0, W1 = 0x123456789aULL };
enum wide_negative { V1 = -0x123456789aLL, V0 = 0 };
enum __attribute__((packed)) narrow { A0, A200 = 200 };
struct never_defined;
]]

-- ---- types --------------------------------------------------------------------------------------

-- An xorshift generator of its own: the same seed means the same types on every Lua.
local function generator(seed)
  local state = seed * 0x9E3779B97F4A7C15 | 1
  local function bits()
    state = state ~ state << 13
    state = state ~ state >> 7
    state = state ~ state << 17
    return state
  end
  for _ = 1, 8 do bits() end
  return {
    bits = bits,
    up_to = function(limit) return (bits() >> 1) % limit + 1 end,
    chance = function(percent) return (bits() >> 1) % 100 < percent end,
  }
end

local function pick(random, list) return list[random.up_to(#list)] end

-- The C declaration of a declarator with the tree's type.
local function declare(tree, declarator)
  if tree.alias then return tree.alias .. " " .. declarator end
  if tree.kind == "array" or tree.kind == "string" then
    return declare(tree.element, ("%s[%s]"):format(declarator, tree.count > 0 and tree.count or ""))
  elseif tree.kind == "function" then
    return ("int (*%s)(void *, long)"):format(declarator)
  end
  return tree.c .. " " .. declarator
end

local maker = {}
maker.__index = maker

function maker:name(prefix)
  self.names = self.names + 1
  return prefix .. self.names
end

function maker:emit(line) self.lines[#self.lines + 1] = line end

function maker:scalar()
  local random <const> = self.random
  local kind <const> = random.up_to(20)
  if kind <= 9 then
    local base <const> = pick(random, scalars)
    return {kind = "integer", c = base.c, bits = base.bits, signed = base.signed}
  elseif kind <= 12 then
    local base <const> = pick(random, enums)
    return {kind = "integer", is_enum = true, c = base.c, bits = base.bits, signed = base.signed}
  elseif kind == 13 then
    return {kind = "boolean", c = "_Bool"}
  elseif kind == 14 then
    return {kind = "float", c = "float", format = "<f"}
  elseif kind == 15 then
    return {kind = "float", c = "double", format = "<d"}
  elseif kind == 16 then
    return {kind = "wide", c = random.chance(50) and "__int128" or "unsigned __int128"}
  elseif kind == 17 then
    return {kind = "pointer", c = pick(random, {"void *", "struct never_defined *", "char **",
      "const unsigned int *"})}
  elseif kind == 18 then
    return {kind = "function"}
  end
  return {kind = "string", element = {kind = "integer", c = "char", bits = 8, signed = true},
    count = random.up_to(17)}
end

function maker:tree(depth)
  local random <const> = self.random
  local kind <const> = random.up_to(10)
  local tree
  if kind <= 2 and depth > 0 then
    local element <const> = self:tree(depth - 1)
    tree = {kind = element.c == "char" and "string" or "array", element = element,
      count = random.up_to(3)}
  elseif kind <= 5 and depth > 0 then
    tree = self:record(depth - 1, random.chance(25), random.chance(60) and self:name "r")
  else
    tree = self:scalar()
  end
  if not tree.alias and random.chance(15) then
    local alias <const> = self:name "td"
    self:emit(("typedef %s;"):format(declare(tree, alias)))
    tree.alias = alias
  end
  return tree
end

-- A bit field, or what closes the storage unit of the last one.
function maker:bit_field()
  local random <const> = self.random
  if random.chance(10) then return nil, ("int : %d;"):format(random.up_to(9) - 1) end
  if random.chance(10) then
    return {name = self:name "b", bits = 1, tree = {kind = "boolean", c = "_Bool"}}
  end
  local base <const> = random.chance(20) and pick(random, enums) or pick(random, scalars)
  local bits <const> = random.up_to(base.bits)
  return {name = self:name "b", bits = bits,
    tree = {kind = "integer", c = base.c, bits = bits, signed = base.signed}}
end

-- With a tag the record is defined here and now; without one where it is used.
function maker:record(depth, is_union, tag, is_outermost)
  local random <const> = self.random
  local tree <const> = {kind = is_union and "union" or "struct", members = {}}
  local body = {}
  for _ = 1, random.up_to(is_outermost and 9 or 5) do
    local member, text
    if not is_union and random.chance(25) then
      member, text = self:bit_field()
      text = text or ("%s : %d;"):format(declare(member.tree, member.name), member.bits)
    elseif depth > 0 and random.chance(15) then
      member = {tree = self:record(depth - 1, random.chance(50))}
      text = member.tree.c .. ";"
    else
      member = {name = self:name "m", tree = self:tree(depth)}
      text = declare(member.tree, member.name)
        .. (random.chance(5) and " __attribute__((aligned(16)));" or ";")
    end
    tree.members[#tree.members + 1] = member
    body[#body + 1] = text
  end
  if #tree.members == 0 then
    tree.members[1] = {name = self:name "m", tree = self:scalar()}
    body[#body + 1] = declare(tree.members[1].tree, tree.members[1].name) .. ";"
  end
  if is_outermost and random.chance(15) then
    body[#body + 1] = declare({kind = "array", element = self:scalar(), count = 0}, "flexible")
      .. ";"
  end
  local packed <const> = random.chance(25) and " __attribute__((packed))" or ""
  local definition <const> = ("%s%s%s { %s }"):format(tree.kind, packed, tag and " " .. tag or "",
    table.concat(body, " "))
  tree.c = tag and tree.kind .. " " .. tag or definition
  if tag then self:emit(definition .. ";") end
  return tree
end

-- ---- the oracle ---------------------------------------------------------------------------------

-- C statements that walk over a tree's scalars; access(tree, path) writes one scalar's.
local function walk(tree, path, access, depth)
  if tree.kind == "array" or tree.kind == "string" then
    local index <const> = "i" .. depth
    return ("for (int %s = 0; %s < %d; %s++) { %s }"):format(index, index, tree.count, index,
      walk(tree.element, ("%s[%s]"):format(path, index), access, depth + 1))
  elseif tree.kind == "struct" or tree.kind == "union" then
    local parts <const> = {}
    for i, member in ipairs(tree.members) do
      local inner <const> = member.name and ("%s.%s"):format(path, member.name) or path
      local code <const> = walk(member.tree, inner, access, depth)
      parts[i] = tree.kind == "struct" and code or ("case %d: %s break;"):format(i, code)
    end
    local code <const> = table.concat(parts, "\n")
    return tree.kind == "struct" and code or ("switch (get()) { %s }"):format(code)
  end
  return access(tree, path)
end

local function fill(tree, path)
  if tree.kind == "wide" then
    return ("low = get(); %s = (__int128)((unsigned __int128)get() << 64 | low);"):format(path)
  elseif tree.kind == "float" then
    return ("low = get(); __builtin_memcpy(&%s, &low, sizeof %s);"):format(path, path)
  elseif tree.kind == "pointer" or tree.kind == "function" then
    return ("%s = (void *)get();"):format(path)
  end
  return ("%s = (%s)get();"):format(path, tree.c)
end

local function show(tree, path)
  if tree.kind == "wide" then
    return ("put((u64)%s); put((u64)(%s >> 64));"):format(path, path)
  elseif tree.kind == "float" then
    return ("low = 0; __builtin_memcpy(&low, &%s, sizeof %s); put(low);"):format(path, path)
  end
  return ("put((u64)%s);"):format(path)
end

local oracle_prologue <const> = [[
#include <stdio.h>
#include <stdlib.h>
typedef unsigned long long u64;
static u64 get(void)
{
    u64 cell;
    if (fread(&cell, sizeof cell, 1, stdin) != 1)
        exit(1);
    return cell;
}
static void put(u64 cell) { fwrite(&cell, sizeof cell, 1, stdout); }
]]

local oracle_epilogue <const> = [[
int main(void)
{
    u64 type;
    while (fread(&type, sizeof type, 1, stdin) == 1)
        functions[type]();
    return 0;
}
]]

-- A program that reads requests: 2 × type, then cells: it writes the value's bytes; 2 × type + 1,
-- then the bytes, then the unions' choices: it writes the cells without the choices.
local function oracle(set)
  local code, names = {oracle_prologue, set.text}, {}
  for i, type in ipairs(set.types) do
    code[#code + 1] = ([[
static void fill%d(void) { %s v; u64 low; (void)low; __builtin_memset(&v, 0, sizeof v); %s
    fwrite(&v, sizeof v, 1, stdout); }
static void show%d(void) { %s v; u64 low; (void)low;
    if (fread(&v, sizeof v, 1, stdin) != 1) exit(1);
    %s }]]):format(i, type.name, walk(type.tree, "v", fill, 0), i, type.name,
      walk(type.tree, "v", show, 0))
    names[#names + 1] = ("fill%d, show%d"):format(i, i)
  end
  code[#code + 1] = ("static void (*const functions[])(void) = { 0, 0, %s };"):format(
    table.concat(names, ", "))
  code[#code + 1] = oracle_epilogue
  return table.concat(code, "\n")
end

function trees.generate(seed, count)
  local make <const> = setmetatable({random = generator(seed), names = 0, lines = {prologue}},
    maker)
  local set <const> = {types = {}, random = make.random, oracle = oracle}
  for i = 1, count do
    local tag <const> = ("t%d_%d"):format(seed, i)
    set.types[i] = {tree = make:record(3, false, tag, true), name = "struct " .. tag}
  end
  set.text = table.concat(make.lines, "\n") .. "\n"
  return set
end

-- ---- values -------------------------------------------------------------------------------------

local function any_integer(random, bits, signed)
  local low <const> = signed and -1 << (bits - 1) or 0
  local edge <const> = random.up_to(6)
  local value = random.bits()
  if edge == 1 then value = low elseif edge == 2 then value = low - 1 end
  if edge == 3 then value = 0 end
  value = bits < 64 and value & ((1 << bits) - 1) or value
  if signed and bits < 64 and value >> (bits - 1) == 1 then value = value - (1 << bits) end
  return value
end

local makers = {}

local function make_value(random, tree, cells)
  return makers[tree.kind](random, tree, cells)
end

local function add(cells, value)
  cells[#cells + 1] = value
  return value
end

function makers.integer(random, tree, cells)
  return add(cells, any_integer(random, tree.bits, tree.signed))
end

function makers.boolean(random, _, cells)
  return add(cells, random.up_to(2) - 1) == 1
end

function makers.float(random, tree, cells)
  local value <const> = string.unpack(tree.format,
    string.pack(tree.format, (random.bits() >> 40) * 2.0 ^ (random.up_to(60) - 50)))
  add(cells, (string.unpack("<i8", string.pack(tree.format, value) .. "\0\0\0\0")))
  return value
end

function makers.wide(random, _, cells)
  return string.pack("<i8i8", add(cells, random.bits()), add(cells, random.bits()))
end

function makers.pointer(random, _, cells) return add(cells, random.bits()) end
makers["function"] = makers.pointer

function makers.string(random, tree, cells)
  local bytes <const> = {}
  for i = 1, tree.count do
    bytes[i] = random.chance(90) and random.up_to(255) or 0
    add(cells, string.unpack("b", string.char(bytes[i])))
  end
  return string.char(table.unpack(bytes))
end

function makers.array(random, tree, cells)
  local value <const> = {}
  for i = 1, tree.count do value[i] = make_value(random, tree.element, cells) end
  return value
end

-- Members of members without a name are the outer record's own, as in C.
local function add_member(random, member, cells, value)
  local inner <const> = make_value(random, member.tree, cells)
  if member.name then
    value[member.name] = inner
  else
    for name, field in pairs(inner) do value[name] = field end
  end
end

function makers.struct(random, tree, cells)
  local value <const> = {}
  for _, member in ipairs(tree.members) do add_member(random, member, cells, value) end
  return value
end

function makers.union(random, tree, cells)
  local value <const>, choice <const> = {}, random.up_to(#tree.members)
  cells.choices[#cells.choices + 1] = choice
  cells.choice_places[#cells + 1] = true
  add(cells, choice)
  add_member(random, tree.members[choice], cells, value)
  return value
end

--- A random value of a type: as a plain Lua value that tables take, and as cells.
function trees.value(set, type)
  local cells <const> = {choices = {}, choice_places = {}}
  return make_value(set.random, type.tree, cells), cells
end

--- The cells that the oracle shows: all but the choices.
function trees.shown(cells)
  local shown <const> = {}
  for i, cell in ipairs(cells) do
    if not cells.choice_places[i] then shown[#shown + 1] = cell end
  end
  return shown
end

--- nil when `got`, a value that was decoded, has in each field what `wanted` has; else where not.
--- What wanted does not have (other members of a union) is not compared.
function trees.difference(wanted, got, path)
  path = path or "value"
  if type(wanted) == "table" then
    for name, field in pairs(wanted) do
      local at <const> = ("%s.%s"):format(path, name)
      local difference <const> = trees.difference(field, got[name], at)
      if difference then return difference end
    end
    return nil
  elseif wanted ~= got and not (type(wanted) == "string" and got == wanted:match("^[^\0]*")) then
    return ("%s: %q became %q"):format(path, wanted, got)
  end
end

return trees
