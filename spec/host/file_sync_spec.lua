-- The owner's files for VMs: what is taken, and everything that is refused.
local file_sync = require "banger.host.file_sync"
local scratch = require "spec.support.scratch"

describe("host.file_sync", function()
  local folder, home

  before_each(function()
    folder = scratch.folder()
    home = folder .. "/home"
    scratch.output(("mkdir -p %s/.config %s2 && echo outside >%s2/secret"):format(home, home, home))
    scratch.write(home .. "/.gitconfig", "[user]\n")
    scratch.write(home .. "/.config/token", "t")
    scratch.output(("chmod 600 %s/.config/token"):format(home))
  end)
  after_each(function() scratch.remove(folder) end)

  local function read(list)
    scratch.write(folder .. "/list", list)
    return file_sync.read(folder .. "/list", home)
  end
  local function refused(list, code, pattern)
    local files, e = read(list)
    assert.is_nil(files, list)
    assert.equal(code, e.code, list)
    assert.matches(pattern, e.message)
  end

  it("gives files with their modes, to the same place below /root or elsewhere", function()
    local files = assert(read 'return { files = { "~/.gitconfig", { from = "~/.config/token", to = "/etc/token" } } }')
    assert.same({ path = "/root/.gitconfig", content = "[user]\n", mode = tonumber("644", 8) }, files[1])
    assert.same({ path = "/etc/token", content = "t", mode = tonumber("600", 8) }, files[2])
    assert.equal("/root/.gitconfig", assert(read(('{ files = { "%s/.gitconfig" } }'):format(home)))[1].path)
  end)

  it("is nothing without a list", function()
    assert.same({}, assert(file_sync.read(folder .. "/absent", home)))
    assert.same({}, assert(read "return { files = {} }"))
  end)

  it("follows links that stay in the home, and none that leave it", function()
    scratch.output(("cd %s && ln -s .gitconfig inner && ln -s %s2/secret leaf && ln -s %s2 folder"):format(home, home, home))
    assert.equal("[user]\n", assert(read 'return { files = { "~/inner" } }')[1].content)
    refused('return { files = { "~/leaf" } }', "seed.bad_path", "~/leaf is not below")
    refused('return { files = { "~/folder/secret" } }', "seed.bad_path", "~/folder/secret is not below")
  end)

  it("knows the home by a link to it", function()
    scratch.output(("ln -s %s %s/link"):format(home, folder))
    scratch.write(folder .. "/list", 'return { files = { "~/.gitconfig" } }')
    assert.equal("/root/.gitconfig", assert(file_sync.read(folder .. "/list", folder .. "/link"))[1].path)
  end)

  it("reads nothing outside of the home", function()
    for _, from in ipairs { "/etc/passwd", home .. "2/secret", "~/../home2/secret", "~/./.gitconfig", "~", ".gitconfig", "~other/x" } do
      refused(('return { files = { "%s" } }'):format(from), "seed.bad_path", "is not below")
    end
  end)

  it("takes files only, and such as fit", function()
    scratch.output(("mkfifo %s/pipe; truncate -s 2M %s/large; mkdir %s/dir"):format(home, home, home))
    refused('return { files = { "~/pipe" } }', "seed.bad_path", "no file but a fifo")
    refused('return { files = { "~/dir" } }', "seed.bad_path", "no file but a dir")
    refused('return { files = { "~/large" } }', "seed.too_large", "~/large")
    refused('return { files = { "~/absent" } }', "sys.failed", "~/absent")
  end)

  it("says what is wrong with the list", function()
    refused("return { files = os.execute }", "usage.invalid", "list:1")
    refused("return { file = {} }", "usage.unknown_key", "file")
    refused('return { files = { { to = "/x" } } }', "usage.missing", "from")
    refused(("-"):rep(70000), "seed.too_large", "65536")
  end)
end)
