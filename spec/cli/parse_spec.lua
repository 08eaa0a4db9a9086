local parse = require "banger.cli.parse"

local function words(line)
  local out = {}
  for word in line:gmatch "%S+" do out[#out + 1] = word end
  return out
end

local function request(line)
  local found, e = parse.parse(words(line))
  assert.is_nil(e, e and e.message)
  return found
end

local function failure(line)
  local _, e = parse.parse(words(line))
  assert(e, "was accepted: " .. line)
  assert.are.equal("usage.invalid", e.code)
  return e
end

describe("a command line", function()
  it("picks group and verb", function()
    local r = request "vm create dev"
    assert.are.same({ "vm", "create" }, r.path)
    assert.are.equal("create", r.row.name)
    assert.are.equal("dev", r.args.NAME)
  end)

  it("takes flags in any position and in every spelling", function()
    local wanted = request("vm create dev --image debian --cpus 2").flags
    for _, line in ipairs {
      "vm create --image debian --cpus=2 dev", "vm create --image=debian dev --cpus 2", "vm --help create",
    } do
      local r = request(line)
      if not r.flags.help then assert.are.same(wanted, r.flags) end
    end
  end)

  it("takes combined short switches", function()
    local r = request "vm stop -qf dev"
    assert.is_true(r.flags.quiet)
    assert.is_true(r.flags.force)
  end)

  it("leaves what follows -- alone", function()
    local r = request "vm exec dev --tty -- ls --json -la -- x"
    assert.are.same({ "ls", "--json", "-la", "--", "x" }, r.rest)
    assert.is_nil(r.flags.json)
    assert.is_true(r.flags.tty)
  end)

  it("gives a script its own words from the file on", function()
    local r = request "run job.lua --json a -b"
    assert.are.equal("job.lua", r.args.FILE)
    assert.are.same({ "--json", "a", "-b" }, r.rest)
  end)

  it("collects what may be given often", function()
    local r = request "vm create web --publish 8080:80 --publish 8443:443"
    assert.are.same({ { host = 8080, guest = 80 }, { host = 8443, guest = 443 } }, r.flags.publish)
    assert.are.same({ "a", "b" }, request("vm start a b").args.NAME)
  end)

  it("asks for a page instead of checking the arguments", function()
    assert.is_true(request("vm create --help").flags.help)
    assert.is_nil(request("vm").row)
    assert.is_nil(request("").group)
  end)
end)

describe("a slip in a command line", function()
  local cases = {
    { "vm crate dev", 'no verb "crate"', "did you mean create?" },
    { "vmm list", 'no command "vmm"', "did you mean vm?" },
    { "vm create dev --imgae x", "unknown flag --imgae", "did you mean --image?" },
    { "vm list -z", "unknown flag -z", "see `banger vm list --help`" },
    { "vm create", "NAME is missing: [a-z][a-z0-9-]*, at most 31 characters", "for example: banger vm create dev" },
    { "vm create dev web", "one argument too many: web", "see `banger vm create --help`" },
    { "vm create dev --cpus", "--cpus needs a value: --cpus N", "virtual CPUs (default: 1)" },
    { "vm create dev --cpus 0", '--cpus: "0" is not a whole number from 1 to 32' },
    { "vm create dev --cpus 1 --cpus 2", "--cpus is given twice", "give it once" },
    { "vm create dev --no-start=1", "--no-start takes no value", "write --no-start alone" },
    { "vm exec dev uname", "one argument too many: uname", "put -- before the command: banger vm exec ... -- uname" },
    { "vm exec dev", "the command is missing", "put it behind --, for example: banger vm exec dev -- uname -a" },
    { "vm list -- x", "nothing may follow --", "see `banger vm list --help`" },
    { "vm stop", "NAME is missing: one or several VMs", "for example: banger vm stop dev --timeout 10s" },
    { "vm stop --all dev", "--all and names together", "give either names or --all" },
    { "vm create dev --publish 80", '--publish: "80" is not HOST:GUEST', "write HOST:GUEST, for example 8080:80" },
    { "vm create dev --publish 80:80", "--publish: \"80\" is not a whole number from 1024 to 65535" },
    { "vm create dev --publish 8080:99999", '--publish: "99999" is not a whole number from 1 to 65535' },
    { "engine install --from", "--from needs a value: --from FOLDER|FILE|URL" },
    { "engine install --sha256 12", '--sha256: "12" is not a SHA-256: 64 hexadecimal digits' },
    { "vm wait dev --for rediness", '--for: "rediness" is none of running, ready, stopped' },
  }
  for _, case in ipairs(cases) do
    it("is told: " .. case[1], function()
      local e = failure(case[1])
      assert.are.equal(case[2], e.message)
      if case[3] then assert.are.equal(case[3], e.remedy) end
    end)
  end

  it("names the field of a bad value", function()
    for line, field in pairs {
      ["vm create a/b"] = "NAME: ", ["vm create dev --memory -1"] = "--memory: ", ["vm create dev --memory 1e9G"] = "--memory: ",
      ["vm stop dev --timeout 5x"] = "--timeout: ", ["vm create DEV"] = "NAME: ", ["vm create " .. ("a"):rep(10000)] = "NAME: ",
      ["vm create dev\27[31m"] = "NAME: ", ["vm create d\208\181v"] = "NAME: ",
    } do
      local e = failure(line)
      assert.are.equal(field, e.message:sub(1, #field))
      assert.is_true(#e.message < 300)
      assert.is_nil(e.message:find("%c"))
    end
  end)

  it("still tells in which form the answer is wanted", function()
    local r, e = parse.parse(words "vm create --imgae x --json")
    assert.is_truthy(e)
    assert.is_true(r.flags.json)
    r = parse.parse(words "vm exec dev --imgae -- x --json")
    assert.is_nil(r.flags.json)
  end)
end)
