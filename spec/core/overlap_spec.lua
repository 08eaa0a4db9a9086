local overlap = require "banger.core.overlap"

describe("core.overlap", function()
  it("finds accounts and subordinate ranges in a range of uids", function()
    local passwd = "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nodd:x:200010:1::/:/bin/sh\n"
    assert.are.same({ "odd (/etc/passwd)" }, overlap.uids(passwd, "alice:100000:65536\n", 200000, 4096))
    assert.are.same({ "alice (/etc/subuid)" }, overlap.uids(passwd, "alice:100000:65536\n", 165535, 4096))
    assert.are.same({}, overlap.uids(passwd, "alice:100000:65536\nbob:70000:10\n", 165536, 4096))
  end)
end)
