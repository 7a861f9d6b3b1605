-- docs/compatibility.md: every row of the checklist is there, and every test that it names exists.

local page = "docs/compatibility.md"
local states = { "done", "differs", "untested", "not done" }

-- The names of all tests, by file.
local function list_tests()
  local pipe = assert(io.popen("lua5.4 $(command -v busted) --list spec 2> /dev/null"))
  local tests = {}
  for line in pipe:lines() do
    local file, name = line:match("^spec/(.-)_spec%.lua:%d+: (.*)$")
    if file then
      tests[file] = tests[file] or {}
      table.insert(tests[file], name)
    end
  end
  pipe:close()
  return tests
end

-- The rows: number, feature, state, and {file, part of a name} for each test.
local function read_rows()
  local rows = {}
  for line in io.lines(page) do
    local number, feature, state, shown = line:match("^| (%d+) | (.-) | (.-) | ?(.-) ?|$")
    if number then
      local row = { number = math.tointeger(number), feature = feature, state = state, tests = {} }
      local file
      for quote, words in shown:gsub('\\"', "\0"):gmatch('([`"])([^`"]+)[`"]') do
        if quote == "`" then
          file = words
        else
          row.tests[#row.tests + 1] = { file = file, words = words:gsub("%z", '"') }
        end
      end
      rows[#rows + 1] = row
    end
  end
  return rows
end

local function contains(names, words)
  for _, name in ipairs(names) do
    if name:find(words, 1, true) then
      return true
    end
  end
  return false
end

describe("docs/compatibility.md #any_kernel", function()
  local rows = read_rows()

  it("has all 310 rows, each with its state", function()
    assert.equal(310, #rows)
    for i, row in ipairs(rows) do
      assert.equal(i, row.number)
      local known = false
      for _, state in ipairs(states) do
        known = known or row.state:find("^" .. state) ~= nil
      end
      assert.is_true(known, ("row %d: %s"):format(i, row.state))
    end
  end)

  it("names tests that exist, for each row that is done", function()
    local tests = list_tests()
    local wrong = {}
    for _, row in ipairs(rows) do
      if #row.tests == 0 and not row.state:find("^not done") then
        wrong[#wrong + 1] = ("row %d: no test"):format(row.number)
      end
      for _, test in ipairs(row.tests) do
        local names = tests[test.file] or tests["core/" .. test.file] or {}
        if not contains(names, test.words) then
          wrong[#wrong + 1] = ('row %d: %s "%s"'):format(row.number, test.file, test.words)
        end
      end
    end
    assert.same({}, wrong)
  end)
end)
