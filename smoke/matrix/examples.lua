-- Prints the examples of every verb that people see, or of one group's: banger-dev --lua smoke/matrix/examples.lua [GROUP]
local group = ...
for _, entry in ipairs(require("banger.cli.commands").all()) do
  if not entry.hidden and not entry.group.hidden and (not group or entry.path[1] == group) then
    for _, line in ipairs(entry.row.examples) do print(line) end
  end
end
