-- What the command line prints, and the exit status that goes with it. stdout has the answer, stderr all else.
local M = {}

local Out = {}
Out.__index = Out

-- Whether the locale's characters are UTF-8: the first of these that is set decides (setlocale(3)).
local function is_utf8(env)
  for _, name in ipairs { "LC_ALL", "LC_CTYPE", "LANG" } do
    local value = env(name) or ""
    if value ~= "" then return value:upper():find "UTF%-?8" ~= nil end
  end
  return false
end

---@class banger.cli.Out
---@field columns integer?    of the terminal at stdout; nil: lines may be as long as they like
---@field unicode boolean     whether more than ASCII can be shown
---@param flags table   of the request: json, quiet, color
---@param streams {out: file*, err: file*, out_tty: boolean, err_tty: boolean, env: fun(name: string): string?, columns: integer?}
---@return banger.cli.Out
function M.new(flags, streams)
  local self = setmetatable({
    json = flags.json or false, quiet = flags.quiet or flags.json or false, err_tty = streams.err_tty,
    out = streams.out, err = streams.err, broken = nil, pending = false,
  }, Out)
  local never = flags.color == "never" or (streams.env("NO_COLOR") or "") ~= "" or streams.env("TERM") == "dumb"
  self.color_out = flags.color == "always" or (streams.out_tty and not never)
  self.color_err = flags.color == "always" or (streams.err_tty and not never)
  self.columns = streams.out_tty and streams.columns or nil
  self.unicode = is_utf8(streams.env) and streams.env "TERM" ~= "dumb"
  return self
end

---Bytes to stdout. A reader that went away (EPIPE) or a full disk is remembered and becomes the exit status.
function Out:write(text)
  if self.broken then return end
  local ok, message = self.out:write(text)
  if not ok then self.broken = message or "write failed" end
end

function Out:line(text) self:write(text .. "\n") end

---What was written so far reaches the reader now: for answers that come over time. True when nobody reads any more.
---@return true?
function Out:flush()
  if not self.broken then
    local ok, message = self.out:flush()
    if not ok then self.broken = message or "write failed" end
  end
  return self.broken and true or nil
end

function Out:lines(list)
  if #list > 0 then self:write(table.concat(list, "\n") .. "\n") end
end

local function paint(on, code, text)
  return on and ("\27[%sm%s\27[0m"):format(code, text) or text
end

function Out:dim(text) return paint(self.color_out, "2", text) end
function Out:bold(text) return paint(self.color_out, "1", text) end

local tints = { running = "32", PASS = "32", paused = "33", WARN = "33", failed = "31", unknown = "31", FAIL = "31" }

---A state or verdict in its colour.
function Out:tint(word) return paint(self.color_out and tints[word], tints[word] or "0", word) end

---Rows as a table, the first of them its head. On a terminal no line is longer than that is wide; what is cut off says so.
---@param rows any[][]
---@param tinted integer?    column of states or verdicts
function Out:table(rows, tinted)
  local n, cut = 0, self.unicode and "\226\128\166" or ">"
  local lines = require("banger.core.text").table(rows):gsub("[^\n]*", function(line)
    if line == "" then return line end
    n = n + 1
    if self.columns then line = M.fit(line, self.columns, cut) end
    local word = tinted and n > 1 and tostring(rows[n][tinted])
    local at = word and line:find("%f[%w]" .. word .. "%f[%W]")
    return at and line:sub(1, at - 1) .. self:tint(word) .. line:sub(at + #word) or line
  end)
  self:write(lines)
end

---The line, or as much of it as so many columns hold, with `cut` at the end.
---@param line string      valid UTF-8, one column a character
---@param columns integer
---@param cut string       one character
---@return string
function M.fit(line, columns, cut)
  local seen = 0
  for at in line:gmatch "()[^\128-\191][\128-\191]*" do
    seen = seen + 1
    if seen == columns then
      local next_at = line:find("[^\128-\191]", at + 1)
      return next_at and line:sub(1, at - 1) .. cut or line
    end
  end
  return line
end

---One progress line: overwritten on a terminal, a line of its own elsewhere.
function Out:progress(text)
  if self.quiet then return end
  text = text:gsub("%c", " ")
  if self.err_tty then
    self.err:write("\r\27[K", text)
    self.pending = true
  else
    self.err:write(text, "\n")
  end
  self.err:flush()
end

function Out:clear_progress()
  if self.pending then
    self.err:write("\r\27[K")
    self.pending = false
  end
end

---A remark that is no error: "stop dev: the guest did not obey; killed".
function Out:note(text)
  self:clear_progress()
  self.err:write("banger: ", text, "\n")
end

---Asks a person; only where ctx.interactive says that there is one.
---@param question string
---@return boolean
function Out:ask(question)
  self:clear_progress()
  self.err:write("banger: ", question, " [y/N] ")
  local answer = io.stdin:read "*l"
  return answer ~= nil and answer:lower():find "^y" ~= nil
end

---@param e banger.Error
---@param what string    "create dev"; "" before a verb was understood
function Out:error_text(e, what)
  local err, text = require "banger.core.err", require "banger.core.text"
  self:clear_progress()
  self.err:write(what ~= "" and "banger: " .. what .. ": " or "banger: ", text.escape(err.format(e)), "\n")
  local remedy = err.remedy(e)
  if remedy then self.err:write("  ", text.escape(remedy), "\n") end
  for _, other in ipairs(e.others or {}) do self.err:write("  and: ", text.escape(err.format(other)), "\n") end
  if e.op_id then self.err:write("  ", paint(self.color_err, "2", ("(op %s)"):format(e.op_id)), "\n") end
  if e.traceback then self.err:write(e.traceback, "\n") end
end

---Tells the failure in the form that was asked for.
---@return integer status
function Out:fail(e, what)
  local err = require "banger.core.err"
  self:error_text(e, what)
  if self.json then self:line(require("banger.cli.json").failure(e)) end
  return err.exit_status(e)
end

---Flushes stdout and says whether all of it arrived.
---@param status integer
---@return integer status
function Out:finish(status)
  self:clear_progress()
  self:flush()
  if not self.broken then return status end
  if not self.broken:find("Broken pipe", 1, true) then
    self.err:write("banger: stdout: ", self.broken, "\n")
  end
  return status == 0 and 1 or status
end

return M
