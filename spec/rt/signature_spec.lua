describe("banger.rt.signature", function()
  local signature = require "banger.rt.signature"
  local sys = require "banger.rt.sys"
  local dir

  local function sh(command)
    local pipe = assert(io.popen(("cd %s && { %s; } 2>&1"):format(dir, command)))
    local out = pipe:read "*a"
    pipe:close()
    return out
  end

  local function read(name)
    local fd = assert(sys.open(dir .. "/" .. name, "r"))
    local bytes = assert(sys.read(fd, 65536))
    sys.close(fd)
    return bytes
  end

  -- What a release is signed with: a key, the signed bytes, and openssl's own signature of them.
  local function sign(bytes, key)
    assert(sys.replace(dir .. "/signed", bytes, 384))
    return sh(("openssl dgst -sha256 -sign %s signed | base64 -w0"):format(key or "key.pem"))
  end

  setup(function()
    dir = "/tmp/banger-sig-" .. sys.getpid()
    assert(sys.mkdir_p(dir, 448))
    sh "openssl ecparam -name prime256v1 -genkey -noout -out key.pem; openssl ec -in key.pem -pubout -out pub.pem"
    sh "openssl ecparam -name prime256v1 -genkey -noout -out other.pem; openssl ec -in other.pem -pubout -out other.pub"
    sh "openssl ecparam -name secp384r1 -genkey -noout -out p384.pem; openssl ec -in p384.pem -pubout -out p384.pub"
    sh "openssl genrsa -out rsa.pem 2048; openssl rsa -in rsa.pem -pubout -out rsa.pub"
  end)
  teardown(function() assert(sys.rmtree(dir)) end)

  it("accepts what openssl signed, with and without a final newline", function()
    local public = read "pub.pem"
    for length = 0, 20 do
      local bytes = ("x"):rep(length) .. "\0\n"
      local text = sign(bytes)
      assert.is_true(signature.verify(public, bytes, text))
      assert.is_true(signature.verify(public, bytes, text .. "\n"))
    end
  end)

  it("refuses other bytes and other keys", function()
    local text = sign "release"
    assert.equal("signature.mismatch", select(2, signature.verify(read "pub.pem", "releasf", text)).code)
    assert.equal("signature.mismatch", select(2, signature.verify(read "pub.pem", "release\n", text)).code)
    assert.equal("signature.mismatch", select(2, signature.verify(read "other.pub", "release", text)).code)
    assert.equal("signature.bad_key", select(2, signature.verify(read "p384.pub", "release", sign("release", "p384.pem"))).code)
    assert.equal("signature.bad_key", select(2, signature.verify(read "rsa.pub", "release", sign("release", "rsa.pem"))).code)
    for _, pem in ipairs { "", "x", read "key.pem", ("A"):rep(5000), (read("pub.pem"):gsub("[AM]", "B")) } do
      assert.equal("signature.bad_key", select(2, signature.verify(pem, "release", text)).code)
    end
  end)

  it("accepts one form of a signature only", function()
    local public, text = read "pub.pem", sign "release"
    local function code(changed) return select(2, signature.verify(public, "release", changed)).code end
    local forms = { "", "\n", text .. "\n\n", " " .. text, text .. " ", text:sub(1, 40) .. "\n" .. text:sub(41), text:sub(1, -5),
      text .. "AAAA", text .. "=", text:gsub("=", ""), ("A"):rep(300), text:sub(1, 20) .. "\0" .. text:sub(22),
      sh(("printf %%s '%s' | base64 -d"):format(text)) }
    for i, form in ipairs(forms) do
      if form ~= text then assert.equal("signature.malformed", code(form), "form " .. i) end
    end
  end)

  it("survives every changed character", function()
    local public, text = read "pub.pem", sign "release"
    for i = 1, #text do
      local c = text:sub(i, i) == "A" and "B" or "A"
      local ok, e = signature.verify(public, "release", text:sub(1, i - 1) .. c .. text:sub(i + 1))
      assert.is_nil(ok, "character " .. i)
      assert.truthy(e.code == "signature.mismatch" or e.code == "signature.malformed")
    end
  end)

  it("digests strings and files", function()
    assert.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", signature.sha256 "")
    local bytes = ("0123456789"):rep(300000)
    assert(sys.replace(dir .. "/big", bytes, 384))
    local fd = assert(sys.open(dir .. "/big", "r"))
    sys.read(fd, 100)
    assert.equal(signature.sha256(bytes), signature.sha256_fd(fd))
    sys.close(fd)
    assert.equal(sh("sha256sum big"):sub(1, 64), signature.sha256(bytes))
    assert.equal("EBADF", select(2, signature.sha256_fd(fd)).errno)
  end)
end)
