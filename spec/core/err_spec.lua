local codes = require "banger.core.codes"
local err = require "banger.core.err"

describe("err", function()
  it("formats as one line with code and errno", function()
    local e = err.new("net.conflict", "the name is in use", { errno = "EEXIST" })
    assert.equal("the name is in use (net.conflict, EEXIST)", tostring(e))
    assert.is_true(err.is(e))
    assert.is_false(err.is { code = "net.conflict", message = "x" })
  end)

  it("wraps with the step in front; code, errno, remedy and details stay", function()
    local inner = err.new("host.full", "no space", { errno = "ENOSPC", field = "disk", remedy = "tidy up" })
    local outer = err.wrap(err.wrap(inner, "disk"), "create dev")
    assert.equal("create dev: disk: no space (host.full, ENOSPC)", err.format(outer))
    assert.equal("disk", outer.field)
    assert.equal("tidy up", err.remedy(outer))
    assert.equal(inner, outer.cause.cause)
    assert.equal("no space", inner.message)
  end)

  it("refuses misuse at the caller", function()
    assert.has_error(function() err.new("nocode", "x") end)
    assert.has_error(function() err.wrap("text", "x") end)
  end)

  it("takes remedy and exit status from the registry", function()
    assert.equal(5, err.exit_status(err.new("daemon.unreachable", "x")))
    assert.equal(codes["daemon.unreachable"].remedy, err.remedy(err.new("daemon.unreachable", "x")))
    assert.equal(70, err.exit_status(err.new("internal", "x")))
  end)

  it("goes to JSON and back; what is for the log stays behind", function()
    local e = err.new("vm.unproven", "odd", { op_id = "0123abcd", field = "a.b", traceback = "secret", pid = 3 })
    err.attach(e, err.new("host.full", "undo failed"))
    local back = err.from_json(err.to_json(e))
    assert.equal("odd (vm.unproven)", tostring(back))
    assert.equal("0123abcd", back.op_id)
    assert.equal("a.b", back.field)
    assert.is_nil(back.traceback)
    assert.is_nil(back.pid)
    assert.equal("host.full", back.others[1].code)
  end)

  it("keeps codes of a newer peer, and survives what is no error", function()
    local e = err.from_json { code = "moon.phase", message = "wrong", remedy = "wait" }
    assert.equal("wrong (moon.phase)", tostring(e))
    assert.equal("wait", err.remedy(e))
    assert.equal(1, err.exit_status(e))
    for _, odd in ipairs { 1, "x", {}, { code = 1, message = "x" }, { code = "a.b" } } do
      assert.equal("rpc.malformed", err.from_json(odd).code)
    end
    assert.equal("rpc.malformed", err.from_json(nil).code)
  end)

  it("turns what was raised into a bug, but not an error object", function()
    local e = err.new("host.full", "x")
    assert.equal(e, err.from_raised(e, "stack"))
    assert.equal("internal", err.from_raised("boom", "stack").code)
    assert.equal("stack", err.from_raised({}, "stack").traceback)
  end)
end)
