-- The examples against the annotations of the API, by a checker that is not ours.
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"

describe("examples", function()
  it("agree with banger.d.lua", function()
    if os.execute "command -v lua-language-server >/dev/null" ~= 0 then pending "lua-language-server is not installed" return end
    local folder = scratch.folder()
    assert(sys.mkdir_p(folder .. "/library", 448))
    scratch.output(("cp examples/*.lua %s && cp build/banger.d.lua %s/library/banger.lua"):format(folder, folder))
    scratch.write(folder .. "/.luarc.json", [[{
      "runtime.version": "LuaJIT", "workspace.library": ["library"], "workspace.checkThirdParty": false,
      "diagnostics.globals": ["arg"] }]])
    scratch.output(("lua-language-server --check %s --checklevel=Warning --logpath=%s/log"):format(folder, folder))
    scratch.remove(folder)
  end)
end)
