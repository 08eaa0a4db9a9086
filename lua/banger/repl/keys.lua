-- Bytes from a terminal → keys. A key is a name ("left", "ctrl-c", "enter") or {char = bytes}: one character of well-formed UTF-8, or one
-- byte that is none. What is cut off at the end of a read waits for the rest.
local M = {}

local CONTROL = {
  [1] = "home", [2] = "left", [3] = "ctrl-c", [4] = "ctrl-d", [5] = "end", [6] = "right", [8] = "backspace", [9] = "tab", [10] = "enter",
  [11] = "kill-right", [12] = "clear", [13] = "enter", [14] = "down", [16] = "up", [18] = "search", [21] = "kill-left",
  [23] = "kill-word", [127] = "backspace",
}

-- What terminals send for keys (ECMA-48 and xterm), behind ESC.
local ESCAPES = {
  ["[A"] = "up", ["[B"] = "down", ["[C"] = "right", ["[D"] = "left", ["[H"] = "home", ["[F"] = "end",
  ["OA"] = "up", ["OB"] = "down", ["OC"] = "right", ["OD"] = "left", ["OH"] = "home", ["OF"] = "end",
  ["[1~"] = "home", ["[3~"] = "delete", ["[4~"] = "end", ["[7~"] = "home", ["[8~"] = "end",
  ["b"] = "word-left", ["f"] = "word-right", ["[1;5C"] = "word-right", ["[1;5D"] = "word-left", ["\127"] = "kill-word",
}

-- The bytes behind ESC that belong to it; nil while more have to come.
local function escape_length(rest)
  if rest == "" then return nil end
  local first = rest:sub(1, 1)
  if first == "[" then
    local final = rest:find("[@-~]", 2)
    return final or (#rest > 16 and #rest) or nil
  end
  if first == "O" then return #rest >= 2 and 2 or nil end
  return 1
end

-- Length of the UTF-8 character at `at`; 1 where the byte begins none; nil while more have to come.
local function char_length(bytes, at)
  local lead = bytes:byte(at)
  local need = lead >= 0xF0 and lead <= 0xF4 and 4 or lead >= 0xE0 and lead < 0xF0 and 3 or lead >= 0xC2 and lead < 0xE0 and 2 or 1
  for i = 1, need - 1 do
    local byte = bytes:byte(at + i)
    if not byte then return nil end
    if byte < 0x80 or byte > 0xBF then return 1 end
  end
  return need
end

---@param bytes string
---@return (string|{char: string})[] keys
---@return string rest      to be put before the next bytes
function M.decode(bytes)
  local keys, at = {}, 1
  while at <= #bytes do
    local byte = bytes:byte(at)
    local length
    if byte == 27 then
      local more = escape_length(bytes:sub(at + 1))
      if not more then break end
      length = more + 1
      keys[#keys + 1] = ESCAPES[bytes:sub(at + 1, at + more)]
    elseif byte < 32 or byte == 127 then
      length = 1
      keys[#keys + 1] = CONTROL[byte]
    else
      length = char_length(bytes, at)
      if not length then break end
      keys[#keys + 1] = { char = bytes:sub(at, at + length - 1) }
    end
    at = at + length
  end
  return keys, bytes:sub(at)
end

return M
