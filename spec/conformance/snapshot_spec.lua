-- What a load refuses without a guest: order, damage, and another engine's state. guest_spec has saving and loading for real.
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"

if engine.name == "firecracker" then return end   -- its state files are its own; the transcripts have its answers

describe("snapshots on " .. engine.folder, function()
  local dir, processes, fd
  before_each(function()
    dir, processes = engine.directory(), {}
    engine.stage(dir)
  end)
  after_each(function()
    if fd then posix.close(fd) end
    for _, process in ipairs(processes) do process:stop() end
    engine.remove(dir)
    fd = nil
  end)

  local function start(folder)
    if fd then posix.close(fd) end
    local socket = ("%s/%d.sock"):format(dir, #processes)
    local process = engine.start({ folder .. "/firecracker", "--api-sock", socket, "--id", "s" }, dir)
    processes[#processes + 1] = process
    fd = assert(process:connect(socket))
    return process
  end
  local function ask(method, path, body) return engine.request(fd, method, path, body) end
  local function load(resume)
    return ask("PUT", "/snapshot/load", ('{"snapshot_path":"%s/state","mem_backend":{"backend_type":"File","backend_path":"%s/mem"}%s}')
      :format(dir, dir, resume and ',"resume_vm":true' or ""))
  end
  -- By the test double, whose guest is no more than what it says.
  local function save()
    start(engine.double)
    assert.are.equal(204, ask("PUT", "/boot-source", ('{"kernel_image_path":"%s/vmlinux"}'):format(dir)).status)
    assert.are.equal(204, ask("PUT", "/actions", '{"action_type":"InstanceStart"}').status)
    local create = ('{"snapshot_path":"%s/state","mem_file_path":"%s/mem"}'):format(dir, dir)
    local early = ask("PUT", "/snapshot/create", create)
    assert.are.equal(400, early.status)
    assert.is_truthy(early.body:find("save/restore unavailable while running", 1, true))
    assert.are.equal(204, ask("PATCH", "/vm", '{"state":"Paused"}').status)
    assert.are.equal(204, ask("PUT", "/snapshot/create", create).status)
  end
  local function refused(words)
    local process = start(engine.folder)
    local response = load()
    assert.are.equal(400, response.status)
    assert.is_truthy(response.body:find(words, 1, true), response.body)
    assert.is_truthy(response.body:find('{"fault_message":"Load snapshot error: Failed to restore from snapshot: ', 1, true))
    assert.are.same({ exit = 1 }, process:wait(10))
  end

  it("of another engine are refused, or loaded by the one that saved them", function()
    save()
    if engine.name ~= "scripted" then return refused "the state is not one of QEMU's: it was saved by another engine" end
    start(engine.folder)
    assert.are.equal(204, load(true).status)
    assert.is_truthy(ask("GET", "/").body:find('"state":"Running"', 1, true))
  end)

  it("that are damaged anywhere are refused", function()
    save()
    local whole = engine.read(dir .. "/state")
    for _, at in ipairs { 30, 60, math.floor(#whole / 2), #whole } do
      local flipped = string.char(whole:byte(at) % 2 == 0 and whole:byte(at) + 1 or whole:byte(at) - 1)
      engine.write(dir .. "/state", whole:sub(1, at - 1) .. flipped .. whole:sub(at + 1))
      refused "CRC64 validation failed"
    end
    engine.write(dir .. "/state", whole:sub(1, -2))
    refused "CRC64 validation failed"
    engine.write(dir .. "/state", "B" .. whole:sub(2))
    refused "bitcode error"
    engine.write(dir .. "/state", "")
    refused "bitcode error"
  end)

  it("are not loaded once there is something of a boot, and the process lives on", function()
    save()
    local process = start(engine.folder)
    ask("PUT", "/machine-config", '{"vcpu_count":1,"mem_size_mib":128}')
    ask("PUT", "/boot-source", ('{"kernel_image_path":"%s/vmlinux"}'):format(dir))
    local response = load()
    assert.are.equal('{"fault_message":"Load snapshot error: Loading a microVM snapshot not allowed after configuring '
      .. 'boot-specific resources."}', response.body)
    assert.is_nil(process:wait(0.1))
  end)
end)
