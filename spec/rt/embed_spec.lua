-- The embedding example, as its readers would run it: against the static library and against the shared one.
describe("examples/embed", function()
  for _, program in ipairs { "host", "host-shared" } do
    it("runs as " .. program, function()
      local pipe = assert(io.popen("build/examples/embed/" .. program .. " </dev/null 2>&1; echo $?"))
      assert.equal("reading 1: 40.5\nreading 2: 41.0\nreading 3: 41.5\n0\n", pipe:read "*a")
      pipe:close()
    end)

    it("opens, runs and closes again and again as " .. program, function()
      local pipe = assert(io.popen("build/examples/embed/" .. program .. " --cycles 20 </dev/null 2>&1; echo $?"))
      assert.equal(("reading 1: 40.5\nreading 2: 41.0\nreading 3: 41.5\n"):rep(20) .. "0\n", pipe:read "*a")
      pipe:close()
    end)

    it("tells a script's failure as " .. program, function()
      local pipe = assert(io.popen("build/examples/embed/" .. program .. " /none.lua </dev/null 2>&1; echo $?"))
      local out = pipe:read "*a"
      pipe:close()
      assert.truthy(out:find("cannot open /none.lua", 1, true))
      assert.truthy(out:find "\n1\n$")
    end)
  end
end)
