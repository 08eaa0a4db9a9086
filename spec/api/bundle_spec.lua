local bundle = require "banger.api.bundle"

describe("a bundle's texts", function()
  it("lose every line that may hold a secret, and nothing else", function()
    local text = "a line\n-----BEGIN OPENSSH PRIVATE KEY-----\nenv API_TOKEN=hunter2\nAuthorization: Bearer abc\nlast\n"
    local out = bundle.redact(text)
    for _, secret in ipairs { "OPENSSH", "hunter2", "abc" } do assert.is_nil(out:find(secret, 1, true)) end
    assert.are.equal("a line\n", out:match "^[^\n]*\n")
    assert.are.equal("last\n", out:match "[^\n]*\n$")
    assert.are.equal(select(2, text:gsub("\n", "\n")), select(2, out:gsub("\n", "\n")))
  end)
end)
