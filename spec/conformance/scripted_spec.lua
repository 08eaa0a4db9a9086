-- The test double does what its script says, and nothing that a guest would not do.
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"

describe("the scripted engine", function()
  local dir, process, fd
  before_each(function()
    dir = engine.directory()
    engine.stage(dir)
    os.execute("cp build/engine/scripted/firecracker " .. dir .. "/fc")
  end)
  after_each(function()
    if fd then posix.close(fd) end
    fd = nil
    process:stop()
    engine.remove(dir)
  end)

  local function start(script)
    if script then engine.write(dir .. "/script", script) end
    process = engine.start({ dir .. "/fc", "--api-sock", dir .. "/api.sock", "--id", "s" }, dir)
    fd = assert(process:connect(dir .. "/api.sock"))
  end
  local function ask(method, path, body)
    return engine.request(fd, method, path, body)
  end
  local function boot(boot_args)
    assert.are.equal(204, ask("PUT", "/boot-source",
      ('{"kernel_image_path":"%s/vmlinux","boot_args":"%s"}'):format(dir, boot_args or "")).status)
    assert.are.equal(204, ask("PUT", "/vsock", ('{"guest_cid":3,"uds_path":"%s/v"}'):format(dir)).status)
    return ask("PUT", "/actions", '{"action_type":"InstanceStart"}')
  end

  it("says ready on the notify socket, and halting before it goes", function()
    start()
    local listener = posix.listen(dir .. "/v_1024")
    assert.are.equal(204, boot().status)
    local notify = assert(posix.accept(listener, 5))
    assert.is_truthy(posix.receive(notify, 5):find("^ready 1 " .. ("%x"):rep(32) .. "\n$"))
    ask("PUT", "/actions", '{"action_type":"SendCtrlAltDel"}')
    assert.are.equal("halting reboot\n", posix.receive(notify, 5))
    assert.are.same({ exit = 0 }, process:wait(5))
    posix.close(notify)
    posix.close(listener)
  end)

  it("answers CONNECT and echoes", function()
    start()
    boot()
    local stream = posix.connect(dir .. "/v")
    posix.send(stream, "CONNECT 1025\n")
    assert.are.equal("OK 1073741824\n", posix.receive(stream, 5))
    posix.send(stream, "hello")
    assert.are.equal("hello", posix.receive(stream, 5))
    posix.close(stream)
  end)

  it("holds and wakes as an agent does, with the boot_id of the guest that was saved", function()
    start()
    boot()
    local stream = posix.connect(dir .. "/v")
    posix.send(stream, "CONNECT 1025\n\0\0\0\0\9")
    local answer, boot_id = ""
    repeat
      local more = posix.receive(stream, 5)
      answer = answer .. (more or "")
      boot_id = answer:match "^OK %d+\n.* (%x+)%z%z%z%z~$"
    until boot_id or not more or more == ""
    assert.are.equal(32, #tostring(boot_id))
    posix.close(stream)
    stream = posix.connect(dir .. "/v")
    posix.send(stream, "CONNECT 1025\n\0\0\0\9\10\1\0\0\0\4\0\0\0\1")
    local wanted, found = "boot_id " .. boot_id .. "\nother 0"
    answer = ""
    repeat
      local more = posix.receive(stream, 5)
      answer = answer .. (more or "")
      found = answer:find(wanted, 1, true)
    until found or not more or more == ""
    assert.is_truthy(found, answer)
    posix.close(stream)
  end)

  it("fails and lies at the call that was named", function()
    start "# a comment\nPUT /vsock@1 fail 400 no luck\nGET / lie 200 {\"state\":\"Running\"}\n"
    assert.are.equal('{"fault_message":"no luck"}',
      ask("PUT", "/vsock", ('{"guest_cid":3,"uds_path":"%s/v"}'):format(dir)).body)
    assert.are.equal('{"state":"Running"}', ask("GET", "/").body)
    assert.are.equal(204, boot().status)
  end)

  it("ends or hangs at the call that was named", function()
    start "PUT /actions exit 7\n"
    assert.is_nil(boot())
    assert.are.same({ exit = 7 }, process:wait(5))
  end)

  it("takes orders for one VM from its boot arguments", function()
    start()
    assert.are.equal('{"fault_message":"as asked"}', boot("quiet scripted=PUT,/actions,fail,400,as,asked").body)
  end)

  it("refuses a script that it does not understand", function()
    engine.write(dir .. "/script", "GET / dance\n")
    process = engine.start({ dir .. "/fc", "--api-sock", dir .. "/api.sock" }, dir)
    assert.are.same({ exit = 1 }, process:wait(5))
    assert.is_truthy(engine.read(process.stderr):find(dir .. "/script:1: not understood", 1, true))
  end)
end)
