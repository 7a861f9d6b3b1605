-- Every ELF file of this machine's /usr/bin is read, or refused with a reason that names it.
-- LUABPF_ELF_FOLDERS gives other folders and prints figures: "/usr/bin /usr/lib".
local bpf <const> = require "bpf"

local BPF <const> = bpf.BPF
local given <const> = os.getenv("LUABPF_ELF_FOLDERS")

local function is_elf(path)
  local file <const> = io.open(path, "rb")
  local start <const> = file and file:read(4)
  if file then file:close() end
  return start == "\127ELF"
end

describe("every ELF file #any_kernel", function()
  it("is read, or refused for a reason", function()
    local read, reasons, unexplained = 0, {}, {}
    local files <const> = io.popen(("find %s -type f -size -200M"):format(given or "/usr/bin"))
    for path in files:lines() do
      if is_elf(path) then
        local good <const>, e <const> = pcall(BPF.add_module, path)
        if good then
          read = read + 1
        elseif type(e) == "table" and e.message:find(path, 1, true) then
          local reason <const> = e.message:sub(#path + 2)
          reasons[reason] = (reasons[reason] or 0) + 1
        else
          unexplained[#unexplained + 1] = tostring(e)
        end
        if read % 100 == 0 then BPF.free_bcc_memory() end -- and their descriptors
      end
    end
    files:close()
    BPF.free_bcc_memory()
    if given then
      print(("%d files read"):format(read))
      for reason, count in pairs(reasons) do print(("%d refused: %s"):format(count, reason)) end
    end
    assert.same({}, unexplained)
    assert.is_true(read > 0)
  end)
end)
