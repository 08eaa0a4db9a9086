-- Writes the manual pages: build/banger-dev --lua docs/man.lua FOLDER (units/release).
local folder = assert(..., "a folder is needed")
for name, text in pairs(require("banger.cli.man").pages(require("banger.host.program").version)) do
  local file = assert(io.open(folder .. "/" .. name, "w"))
  assert(file:write(text))
  assert(file:close())
end
