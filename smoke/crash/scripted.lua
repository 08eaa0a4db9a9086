-- What the scripted engine can be told to do wrong, and at which of its calls.
local M = {}

M.ACTS = {
  { name = "fails", does = "fail 400 no luck today" }, { name = "hangs", does = "hang" }, { name = "lies", does = "lie 204" },
  { name = "raves", does = "lie 200 {\"state\":7" }, { name = "ends", does = "exit 3" }, { name = "crashes", does = "signal 11" },
}

---Write the script that VMMs read when they start; nil removes it.
---@param root string  of the instance
---@param text string?
function M.write(root, text)
  local path = root .. "/engines/scripted/script"
  if not text then return os.remove(path) end
  local file = assert(io.open(path, "w"))
  file:write(text, "\n")
  file:close()
end

---The calls of a verb: words and number in the life of the VMM that answers. `fresh`: a VMM that the verb itself started.
---@param prepared string[]  stops on the way to where the verb begins
---@param trace string[]     stops of the verb
---@return {call: string, nth: integer, fresh: boolean}[]
function M.calls(prepared, trace)
  local seen, fresh, out = {}, false, {}
  local function note(stop, wanted)
    if stop:find "^after helper jail_spawn" then
      seen, fresh = {}, wanted
      return
    end
    local call = stop:match "^before vmm (.*) #%d+$"
    if not call then return end
    seen[call] = (seen[call] or 0) + 1
    if wanted then out[#out + 1] = { call = call, nth = seen[call], fresh = fresh } end
  end
  for _, stop in ipairs(prepared) do note(stop, false) end
  for _, stop in ipairs(trace) do note(stop, true) end
  return out
end

return M
