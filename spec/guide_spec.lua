-- The scripts in the documentation run, and print what the pages say.
--
-- A comment before a block of Lua tells how: <!-- runs: COMMAND; needs: FEATURE…; prints: TEXT -->.
-- The script is started, COMMAND is what it sees, Ctrl-C ends it, and it prints the text then. With
-- `shows` for `prints` it prints the text when it sees it. <!-- ends: TEXT --> is a script that
-- prints the text and ends by itself, <!-- fails: TEXT --> one that ends with an error which has
-- the text.

local bpf = require "bpf"
local process = require "spec.support.process"
local script = require "spec.support.script"

local pages = { "README.md", "docs/guide.md", "docs/coming-from-bcc.md" }
local features = bpf.features()

-- Blocks of a page that have such a comment: title, how, text.
local function blocks_of(page)
  local blocks, title, how, text = {}, page, nil, nil
  for line in io.lines(page) do
    if text then
      if line == "```" then
        blocks[#blocks + 1] = { title = title, how = how, text = table.concat(text, "\n") }
        how, text = nil, nil
      else
        text[#text + 1] = line
      end
    elseif line == "```lua" and how then
      text = {}
    elseif line:find("^<!%-%- %l+: ") then
      how = {}
      for key, value in line:match("^<!%-%- (.*) %-%->$"):gsub("; (%l+: )", "\n%1")
        :gmatch("(%l+): ([^\n]+)") do
        how[key] = value
      end
    else
      title = line:match("^#+ (.*)") or title
    end
  end
  return blocks
end

-- Why the script can't run here, or nil.
local function missing(how)
  for name in (how.needs or ""):gmatch("%S+") do
    if name == "python" then
      if not os.execute("readelf -n /usr/bin/python3 2> /dev/null | grep -q function__entry") then
        return "needs a /usr/bin/python3 with probes, and readelf"
      end
    elseif not features[name].available then
      return ("needs %s: %s"):format(name, features[name].reason)
    end
  end
end

-- Starts the script; what it prints comes line by line, and what it writes goes to the file.
local function start(text, file)
  return script.start(text:gsub('"flame.svg"', ("%q"):format(file)), "stdbuf -oL")
end

for _, page in ipairs(pages) do
  describe("a script in " .. page, function()
    for _, block in ipairs(blocks_of(page)) do
      local how = block.how
      -- What needs no other kernel than this one runs only here.
      local tag = (how.needs or ""):find("kprobe") and "" or " #any_kernel"
      it("does what it says: " .. block.title .. tag, function()
        local reason = missing(how)
        if reason then
          return pending(reason)
        end
        local written <close> = setmetatable({ path = os.tmpname() }, { __close = function(file)
          os.remove(file.path)
        end })
        local running = start(block.text, written.path)
        if how.fails then
          local status, _, errors = running:finish()
          assert.equal(1, status)
          assert.truthy(errors:find(how.fails, 1, true), errors)
          return
        end
        if how.runs then
          running:wait_for("Ctrl%-C")
          process.run(how.runs)
          if how.shows then running:wait_for((how.shows:gsub("%p", "%%%0"))) end
          running:signal("INT")
        end
        local status, out, errors = running:finish()
        assert.equal("", errors)
        assert.equal(0, status)
        assert.truthy(how.shows or out:find(how.prints or how.ends, 1, true), out)
      end)
    end
  end)
end
