-- busted's output: one line for each spec file, what failed right below it, and at the end each
-- reason for which something was skipped, once, with how many tests and in which files.
-- A process that a failed test has left running is ended, so that the next tests can pass.
-- The counts also go to the file $LUABPF_TALLY, for spec/run, with what is running: so a run that
-- is ended from outside still tells where it was. The files that failed go to $LUABPF_TALLY.failed.

local busted = require("busted")
local pretty = require("pl.pretty")
local process = require("spec.support.process")

local function text_of(message)
  if message == nil then return "no message" end
  if type(message) == "string" then return message end
  local meta = getmetatable(message)
  if meta and meta.__tostring then return tostring(message) end
  return pretty.write(message)
end

local function indent(text)
  return (text:gsub("\n+$", ""):gsub("[^\n]+", "    %0"))
end

local function counts_text(counts)
  return ("%d passed, %d failed, %d skipped"):format(counts.passed, counts.failed, counts.skipped)
end

return function()
  local handler = require("busted.outputHandlers.base")()
  local file, file_started
  local failed_files = {}
  local shown = 0 -- how many of the failures and errors have been printed

  local function print_failures()
    local all = {}
    for _, failure in ipairs(handler.failures) do all[#all + 1] = failure end
    for _, failure in ipairs(handler.errors) do all[#all + 1] = failure end
    table.sort(all, function(a, b) return (a.number or math.huge) < (b.number or math.huge) end)
    for _, failure in ipairs(all) do
      if not failure.number then
        shown = shown + 1
        failure.number = shown
        local trace = failure.element.trace or failure.trace
        local place = trace and trace.short_src
          and (" (%s:%s)"):format(trace.short_src, trace.currentline) or ""
        io.write("  FAILED: ", failure.name or "?", place, "\n")
        io.write(indent(text_of(failure.message)), "\n")
        if handler.options.verbose and failure.trace and failure.trace.traceback then
          io.write(indent(failure.trace.traceback), "\n")
        end
      end
    end
  end

  local function count()
    return {
      passed = handler.successesCount,
      failed = handler.failuresCount + handler.errorsCount,
      skipped = handler.pendingsCount,
    }
  end

  local function write_tally(state)
    local path = os.getenv("LUABPF_TALLY")
    if not path then return end
    local counts = count()
    local out = assert(io.open(path, "w"))
    out:write(("%d %d %d %s\n"):format(counts.passed, counts.failed, counts.skipped, state))
    out:close()
  end

  local function write_failed_files()
    local path = os.getenv("LUABPF_TALLY")
    if not path or #failed_files == 0 then return end
    local out = assert(io.open(path .. ".failed", "w"))
    out:write(table.concat(failed_files, "\n"), "\n")
    out:close()
  end

  local function file_start(element)
    file, file_started = count(), os.time()
    file.name = element.name:gsub("^%./", "")
    write_tally(file.name)
    return nil, true
  end

  local function file_end()
    process.kill_after(0, true)
    local now = count()
    local own = {}
    for key, value in pairs(now) do own[key] = value - file[key] end
    if own.failed > 0 then failed_files[#failed_files + 1] = file.name end
    io.write(("%-44s %s (%d s)\n"):format(file.name, counts_text(own), os.time() - file_started))
    print_failures()
    io.flush()
    return nil, true
  end

  -- One line for each reason, in the order of their first appearance.
  local function print_skipped()
    local lines, order = {}, {}
    for _, pending in ipairs(handler.pendings) do
      local reason = text_of(pending.message or pending.name)
      local place, rest = reason:match("^(%S+_spec%.lua):%d+: (.*)$")
      reason, place = rest or reason, place or pending.trace and pending.trace.short_src or "?"
      local line = lines[reason]
      if not line then
        line = { count = 0, reason = reason, places = {} }
        lines[reason] = line
        order[#order + 1] = line
      end
      line.count = line.count + 1
      if not line.places[place] then
        line.places[place] = true
        line.places[#line.places + 1] = place:gsub("^%./", ""):gsub("^spec/", "")
      end
    end
    if #order > 0 then io.write("\nSkipped:\n") end
    for _, line in ipairs(order) do
      io.write(("%5d  %s (%s)\n"):format(line.count, line.reason, table.concat(line.places, ", ")))
    end
  end

  local running_before = 0

  local function test_start()
    running_before = process.count_unfinished()
    return nil, true
  end

  local function test_end(_, _, status)
    if status ~= "success" then process.kill_after(running_before) end
    return nil, true
  end

  local function suite_end()
    print_failures() -- of files that could not be read at all
    print_skipped()
    local name = os.getenv("LUABPF_RUN")
    io.write("\n", name and name .. ": " or "", counts_text(count()), "\n")
    io.flush()
    write_tally("complete")
    write_failed_files()
    return nil, true
  end

  busted.subscribe({ "file", "start" }, file_start)
  busted.subscribe({ "file", "end" }, file_end)
  busted.subscribe({ "test", "start" }, test_start)
  busted.subscribe({ "test", "end" }, test_end)
  busted.subscribe({ "suite", "end" }, suite_end)

  return handler
end
