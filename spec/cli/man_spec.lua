local commands = require "banger.cli.commands"
local man = require "banger.cli.man"
local scratch = require "spec.support.scratch"

local pages = man.pages "1.2.3"

describe("the manual", function()
  it("has a page for each command, which names each verb and flag", function()
    for _, entry in ipairs(commands.all()) do
      local page = pages[("banger-%s.1"):format(entry.path[1])]
      if not entry.group.hidden and entry.path[1] ~= "fetch" then
        assert.is_truthy(page:find(man.escape(table.concat(entry.path, " ")), 1, true), entry.path[1])
        for _, flag in ipairs(commands.shown(entry.row.flags)) do
          assert.is_truthy(page:find(man.escape("--" .. flag.name), 1, true), flag.name)
        end
      end
    end
  end)

  it("keeps text from being taken for a request of roff", function()
    assert.are.equal("\\&.bashrc\n\\&'quoted\\e n\\-1", man.escape ".bashrc\n'quoted\\ n-1")
  end)

  it("is roff without a warning, and shows what it says", function()
    if os.execute "command -v groff >/dev/null" ~= 0 then return pending "groff is not installed" end
    local folder = scratch.folder()
    for name, text in pairs(pages) do
      scratch.write(folder .. "/" .. name, text)
      local shown = scratch.output(("groff -man -ww -Tutf8 -P-cbou %s/%s"):format(folder, name))
      assert.is_nil(shown:find("warning:", 1, true), shown)
      assert.is_truthy(shown:find("SEE ALSO", 1, true))
    end
    local shown = scratch.output(("groff -man -ww -Tutf8 -P-cbou -rLL=100n %s/banger-vm.1"):format(folder))
    assert.is_truthy(shown:find("banger vm create NAME [flags]", 1, true))
    assert.is_truthy(shown:find("--publish HOST:GUEST", 1, true))
    scratch.remove(folder)
  end)
end)
