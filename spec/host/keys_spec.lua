local keys = require "banger.host.keys"
local scratch = require "spec.support.scratch"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

describe("host.keys", function()
  local folder, dirs
  before_each(function()
    folder = scratch.folder()
    dirs = { instance = "spec", keys = folder .. "/keys" }
  end)
  after_each(function() scratch.remove(folder) end)

  local function within(fn) return assert(task.main(fn)) end

  it("makes the owner's pair once, also when asked by several tasks", function()
    local seen = {}
    within(function()
      return task.scope(function(s)
        for i = 1, 4 do s:spawn("ask " .. i, function() seen[i] = assert(keys.owner(dirs)).public end) end
        return true
      end)
    end)
    local key = within(function() return keys.owner(dirs) end)
    for i = 1, 4 do assert.equal(key.public, seen[i]) end
    assert.matches("^ssh%-ed25519 %S+ banger%-spec$", key.public)
    assert.equal(key.public .. "\n", scratch.output("ssh-keygen -y -f " .. key.path))
    assert.equal("600\n", scratch.output("stat -c %a " .. key.path))
    assert.equal("id_ed25519\nid_ed25519.pub\n", scratch.output("ls -A " .. dirs.keys))
  end)

  it("makes a host key that ssh-keygen reads, another one each time", function()
    local one, two = assert(keys.host()), assert(keys.host())
    assert.not_equal(one.public, two.public)
    for _, key in ipairs { one, two } do
      local path = folder .. "/key"
      assert(sys.replace(path, key.private, tonumber("600", 8)))
      assert.equal(key.public .. "\n", scratch.output("ssh-keygen -y -f " .. path))
    end
  end)

  it("writes a known_hosts file that ssh-keygen finds the VMs in", function()
    local key = assert(keys.host())
    assert(sys.mkdir_p(dirs.keys, tonumber("700", 8)))
    local path = assert(keys.write_known_hosts(dirs, {
      { id = "aaaaaaaa", name = "dev", address = "10.87.0.2", host_key_pub = key.public },
      { id = "bbbbbbbb", name = "creating", address = "10.87.0.3" },
    }))
    for _, name in ipairs { "dev.vm", "10.87.0.2", "banger-aaaaaaaa" } do
      local found = scratch.output(("ssh-keygen -F %s -f %s"):format(name, path))
      assert(found:find(key.public:match " (%S+)", 1, true), found)
    end
    assert.equal("1 ", scratch.output("wc -l < " .. path):gsub("\n", " "))
  end)
end)
