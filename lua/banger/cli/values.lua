-- The types of arguments and flags: how a word becomes a value. Each answers the value, or nil, why not, and what to
-- write instead. The daemon checks again; here a slip is told before anything is asked.
local M = {}

local function from(value, e)
  if value ~= nil then return value end
  return nil, e.message, e.remedy
end

local function name_of(what)
  return function(text) return from(require("banger.core.names").check(text, what)) end
end

local function one_of(list)
  return function(text)
    for _, word in ipairs(list) do
      if word == text then return text end
    end
    local near = require("banger.core.text").nearest(text, list)
    return nil, ("%q is none of %s"):format(text:sub(1, 64), table.concat(list, ", ")), near and ("did you mean %s?"):format(near)
  end
end

local function word(text)
  if text == "" then return nil, "is empty" end
  if #text > 4096 then return nil, "is longer than 4096 characters" end
  if text:find("%c") then return nil, ("%q has a control character"):format(text:sub(1, 64)) end
  return text
end

local function integer(least, most)
  return function(text)
    local value = text:match("^%d+$") and tonumber(text)
    if not value or value < least or value > most then
      return nil, ("%q is not a whole number from %d to %d"):format(text:sub(1, 64), least, most)
    end
    return value
  end
end

local function port(text)
  return integer(1, 65535)(text)
end

local function size(text)
  return from(require("banger.core.units").parse_size(text))
end

---Memory in bytes; Firecracker takes whole MiB.
local function memory(text)
  local bytes, why, remedy = size(text)
  if not bytes then return nil, why, remedy end
  if bytes % 2 ^ 20 ~= 0 or bytes < 128 * 2 ^ 20 or bytes > 2 ^ 40 then
    return nil, ("%q is not between 128M and 1T in whole MiB"):format(text), "for example 512M or 2G"
  end
  return bytes
end

---HOST:GUEST. Ports of this host below 1024 are its own services'.
local function publish(text)
  local host, guest = text:match("^(%d+):(%d+)$")
  local remedy = "write HOST:GUEST, for example 8080:80"
  if not host then return nil, ("%q is not HOST:GUEST"):format(text:sub(1, 64)), remedy end
  local checked, why = integer(1024, 65535)(host)
  if checked then checked, why = port(guest) end
  if not checked then return nil, why, remedy end
  return { host = tonumber(host), guest = tonumber(guest) }
end

local function sha256(text)
  if #text == 64 and text:find "^%x+$" then return text:lower() end
  return nil, ("%q is not a SHA-256: 64 hexadecimal digits"):format(text:sub(1, 72))
end

---example.org, *.example.org, 192.0.2.0/24.
local function allow(text)
  local one, e = require("banger.core.allow").parse(text)
  return from(one and text, e)
end

---NAME=value.
local function pair(text)
  local key, value = text:match "^([^=]+)=(.*)$"
  if not key or text:find "%z" then return nil, ("%q is not NAME=VALUE"):format(text:sub(1, 64)), "for example --env LANG=C" end
  return { key, value }
end

M.types = {
  vm = name_of "VM", new_vm = name_of "VM",
  image = name_of "image", new_image = name_of "image",
  kernel = name_of "kernel", new_kernel = name_of "kernel",
  engine = name_of "engine", new_engine = name_of "engine",
  code = word, word = word, text = word, path = word, pair = pair,
  color = one_of { "auto", "always", "never" },
  shell = one_of { "bash", "zsh", "fish", "words" },
  wait_state = one_of { "running", "ready", "stopped" },
  init = one_of { "banger", "systemd" },
  sha256 = sha256,
  duration = function(text) return from(require("banger.core.units").parse_duration(text)) end,
  size = size, memory = memory, port = port, cpus = integer(1, 32), count = integer(1, 2 ^ 40), publish = publish, allow = allow,
}

-- JSON Schema of a type's values, where it is more than a string.
M.json = {
  cpus = { type = "integer", minimum = 1, maximum = 32 }, port = { type = "integer", minimum = 1, maximum = 65535 },
  count = { type = "integer", minimum = 1 },
  publish = { type = "string", pattern = "^[0-9]+:[0-9]+$" },
  wait_state = { type = "string", enum = { "running", "ready", "stopped" } },
  duration = { type = "string", examples = { "30s", "1m30s" } },
  size = { type = "string", examples = { "8G" } }, memory = { type = "string", examples = { "512M" } },
}

-- Words that completion offers for a type; the others are asked of banger or are files.
M.words = {
  color = { "auto", "always", "never" }, shell = { "bash", "zsh", "fish" },
  wait_state = { "running", "ready", "stopped" }, init = { "banger", "systemd" },
}

---@param kind string
---@param text string
---@return any value, string? why, string? remedy
function M.check(kind, text)
  return M.types[kind](text)
end

return M
