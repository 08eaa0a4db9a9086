-- Command lines, exit statuses, output and jail layout against process.jsonl.
local cjson = require "cjson"
local engine = require "spec.support.engine"
local posix = require "spec.support.posix"
local replay = require "spec.conformance.replay"

local signals = { SIGHUP = 1, SIGINT = 2, SIGQUIT = 3, SIGILL = 4, SIGABRT = 6, SIGBUS = 7, SIGKILL = 9, SIGSEGV = 11,
  SIGPIPE = 13, SIGALRM = 14, SIGTERM = 15, SIGCHLD = 17, SIGXCPU = 24, SIGXFSZ = 25, SIGWINCH = 28, SIGSYS = 31 }

-- Runs that are not replayed, by the beginning of their name.
local not_replayed = {
  ["fc-help"] = "help texts differ",
  ["fc-paused"] = "needs a second request after the start",
  ["jl-non-root"] = "needs a launcher that is not root",
  ["jl-config-file-guest"] = "needs the transcript's guest",
  ["jl-help"] = "help texts differ",
  ["fc-describe-snapshot"] = "snapshots have a format of their own",
  ["fc-seccomp-filter-garbage"] = "seccomp filters are for Firecracker's threads; QEMU has its own sandbox",
  ["fc-running"] = "needs the transcript's guest",
  ["fc-guest"] = "needs the transcript's guest",
  ["fc-config-guest"] = "needs the transcript's guest",
  ["jl-cgroup1"] = "cgroup v1 is not offered",
  ["jl-cgroup-bad-unknown-file"] = "cgroup v1 is not offered",
  ["jl-cgroup-bad-bad-value"] = "cgroup v1 is not offered",
  ["jl-cgroup2"] = "needs the recording host's cgroups",
  ["jl-netns"] = "needs the recording host's namespace",
  ["jl-exec-not"] = "needs a mode that staging does not give",
  ["jl-new-pid-ns-exec-fails"] = "needs a mode that staging does not give",
  ["jl-same-id"] = "the jail specs below do it in sequence",
  ["jl-binary"] = "the jail specs below do it",
  ["jl-stale"] = "the jail specs below do it",
  ["jl-root-exists"] = "the jail specs below do it",
  ["jl-exec-symlink"] = "needs a link beside the staged files",
  ["jl-base-default-missing"] = "says something about the host's /srv/jailer",
}

local function skip_reason(name)
  for prefix, reason in pairs(not_replayed) do
    if name:sub(1, #prefix) == prefix then return reason end
  end
end

local function fill(text, dir)
  return (text:gsub("{DIR_WITHOUT_SLASH}", (dir:sub(2))):gsub("{DIR}", dir)
    :gsub("{FIRECRACKER}", engine.folder .. "/firecracker"):gsub("{JAILER}", engine.folder .. "/jailer"))
end

local function plain(text)
  return (text:gsub("%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+", "{TIME}"))
end

-- Log lines that come from KVM and from the recorder's readiness probe.
local function without_probe(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "(.-)\n" do
    if not (line:find "received a Get request" or line:find "executed successfully" or line:find "fc_vcpu"
      or line:find "Artificially kick" or line == "") then
      lines[#lines + 1] = line
    end
  end
  return table.concat(lines, "\n")
end

local function words(row, dir)
  local argv = {}
  for i, word in ipairs(row.argv) do argv[i] = fill(word, dir) end
  return argv
end

local function api_path(row, dir)
  if row.argv[1] ~= "{JAILER}" then
    local given = table.concat(row.argv, " "):match "%-%-api%-sock (%S+)"
    return given and fill(given, dir)
  end
  local text = table.concat(row.argv, "\0") .. "\0"
  local id = text:match "%-%-id%z(.-)%z"
  return ("%s/jb/firecracker/%s/root%s"):format(dir, id, text:match "%-%-api%-sock%z(.-)%z" or "/run/firecracker.socket")
end

local function as_string(v)
  return v ~= cjson.null and v or ""
end

local function run(row)
  local dir = engine.directory()
  local ok, result = pcall(function()
    engine.stage(dir)
    engine.write(dir .. "/md.json", '{"a": 1}')
    if row.config then engine.write(dir .. "/cfg.json", fill(row.config, dir)) end
    if row.scenario == "fc-socket-exists-file" then engine.write(dir .. "/api.sock", "") end
    if row.scenario == "jl-base-file" then
      engine.write(dir .. "/jb", "")
    elseif row.scenario ~= "jl-base-missing" then
      os.execute("mkdir -m 0755 -p " .. dir .. "/jb")
    end
    local process = engine.start(words(row, dir), dir, {
      umask = tonumber(row.scenario:match "umask%-(%d+)" or "022", 8) })
    local runs_on = row.signal_sent or (row.exit_status == cjson.null and row.signal == cjson.null)
    if runs_on and not row.scenario:find "no%-api" then
      local fd = process:connect(api_path(row, dir))
      if fd then
        assert(engine.request(fd, "GET", "/"))
        posix.close(fd)
      end
    end
    if row.signal_sent then posix.kill(process.pid, signals[row.signal_sent]) end
    local stays = row.exit_status == cjson.null and row.signal == cjson.null
    local status = process:wait(stays and 0.2 or 20)
    process:stop()
    return { status = status, stays = stays, stdout = plain(engine.read(process.stdout)),
      stderr = engine.read(process.stderr), dir = dir }
  end)
  engine.remove(dir)
  return assert(ok and result, result)
end

describe("command line of " .. engine.folder, function()
  local total, same = 0, 0
  for _, row in ipairs(replay.load "process.jsonl.gz") do
    it(row.scenario, function()
      local reason = skip_reason(row.scenario)
      if not reason and row.argv[1] == "{JAILER}" and not posix.is_root() then reason = "needs root" end
      if not reason and row.argv[1] == "{JAILER}" and row.exit_status == 0 then reason = "detaches: see the jail specs" end
      if reason then
        pending(reason)
        return
      end
      total = total + 1
      local got = run(row)
      if row.signal ~= cjson.null then
        assert.are.same({ signal = signals[row.signal] or row.signal }, got.status)
      elseif row.exit_status ~= cjson.null then
        assert.are.same({ exit = row.exit_status }, got.status)
      else
        assert.is_nil(got.status)
      end
      assert.are.equal(without_probe(fill(as_string(row.stdout), got.dir)), without_probe(got.stdout))
      if not row.scenario:find "^fc%-config" then -- Rust's Debug of nested configuration errors is not imitated
        assert.are.equal(fill(as_string(row.stderr), got.dir), got.stderr)
      end
      same = same + 1
    end)
  end

  it("keeps to the recorded runs", function()
    print(("\n%s: %d of %d replayed runs end and say the same"):format(engine.name, same, total))
    assert.is_true(same >= 0.9 * total)
  end)
end)
