local file = require "banger.host.file"
local scratch = require "spec.support.scratch"
local shelf = require "banger.host.shelf"
local sys = require "banger.rt.sys"
local task = require "banger.aio.task"

local CODES = { not_found = "image.not_found", broken = "image.broken", busy = "image.busy", in_use = "image.in_use" }

describe("host.shelf", function()
  local folder, images
  before_each(function()
    folder = scratch.folder()
    images = shelf.new(folder .. "/images", "image", CODES)
  end)
  after_each(function() scratch.remove(folder) end)

  -- Makes an image with this content; publishing runs `sync`, hence the task.
  local function put(name, content)
    return task.main(function()
      local making = assert(images:begin(name))
      assert(file.write(making.path .. "/disk.ext4", content))
      return images:publish(making, { source = "spec" }, { path = making.path .. "/disk.ext4" })
    end)
  end
  local function left()
    return scratch.output(("cd %s/images && find . -mindepth 1 | sed 's/-[0-9a-f]*[.]ext4/.ext4/' | sort"):format(folder))
  end

  it("gives back what was put, with its digest and path", function()
    local record = assert(put("debian", "one"))
    assert.equal("7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed", record.digest)
    assert.equal("one", file.read(record.path))
    assert.same(record, assert(images:get "debian"))
    assert.equal("./debian\n./debian/disk.ext4\n./debian/record.json\n", left())
    assert.equal("700 600\n", scratch.output(("echo $(stat -c %%a %s/images/debian %s/images/debian/record.json)"):format(folder, folder)))
  end)

  it("replaces without a moment in which there is none, and drops what was replaced", function()
    local first = assert(put("debian", "one"))
    local second = assert(put("debian", "two"))
    assert.not_equal(first.path, second.path)
    assert.is_nil((sys.stat(first.path)))
    assert.equal("./debian\n./debian/disk.ext4\n./debian/record.json\n", left())
  end)

  it("keeps the old one when the maker dies before the record is written", function()
    local first = assert(put("debian", "one"))
    local making = assert(images:begin "debian")
    assert(file.write(folder .. "/images/debian/disk-0000000000000000.ext4", "half")) -- moved in, record not written
    assert.equal("one", file.read(assert(images:get "debian").path))
    assert(images:finish(making))
    assert(put("debian", "three"))
    assert.is_nil((sys.stat(first.path)))
    assert.equal("./debian\n./debian/disk.ext4\n./debian/record.json\n", left())
  end)

  it("lets one maker of a name work, in any process, and others of other names", function()
    local making = assert(images:begin "debian")
    local again, e = images:begin "debian"
    assert.is_nil(again)
    assert.equal("image.busy", e.code)
    assert(images:finish(assert(images:begin "other")))
    assert(images:finish(making))
    assert(images:finish(assert(images:begin "debian")))
    assert.equal("", left())
  end)

  it("sweeps what a killed maker left, and leaves a living one alone", function()
    local alive = assert(images:begin "alive")
    assert(sys.mkdir_p(folder .. "/images/.making-dead/root/etc", tonumber("700", 8)))
    scratch.write(folder .. "/images/.making-dead.lock", "")
    assert(images:sweep())
    assert.equal("./.making-alive\n./.making-alive.lock\n", left())
    assert(images:finish(alive))
  end)

  it("lists broken records by name with the reason", function()
    assert(put("good", "x"))
    for name, text in pairs {
      cut = '{"digest":', ["not-a-record"] = "[1]", outside = '{"digest":"0","files":{"path":"../../etc/passwd"}}',
    } do
      assert(sys.mkdir_p(folder .. "/images/" .. name, tonumber("700", 8)))
      scratch.write(folder .. "/images/" .. name .. "/record.json", text)
    end
    local list = assert(images:list())
    assert.equal(4, #list)
    for _, record in ipairs(list) do
      if record.name == "good" then assert.is_nil(record.broken) else assert.equal("image.broken", record.broken.code) end
    end
    assert(images:delete "cut")
  end)

  it("does not find what is not there, and nothing outside", function()
    local names = { absent = "image.not_found", ["../x"] = "usage.invalid", [".making-x"] = "usage.invalid", [""] = "usage.invalid" }
    for name, code in pairs(names) do
      for _, verb in ipairs { "get", "delete" } do
        local result, e = images[verb](images, name)
        assert.is_nil(result)
        assert.equal(code, e.code)
      end
    end
    assert.same({}, assert(images:list()))
  end)

  it("refuses to delete what VMs use, and names them", function()
    assert(put("debian", "one"))
    local ok, e = images:delete("debian", { "dev", "web" })
    assert.is_nil(ok)
    assert.equal("image.in_use", e.code)
    assert.matches("dev, web", e.message)
    assert(images:delete("debian", {}))
    assert.equal("", left())
  end)
end)
