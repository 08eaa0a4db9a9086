-- A file that keeps what is written, for the command line's `out` and `err`.
local M = {}

function M.new()
  local file = { text = "" }
  function file.write(_, ...)
    file.text = file.text .. table.concat { ... }
    return file
  end
  function file.flush() return true end
  return file
end

return M
