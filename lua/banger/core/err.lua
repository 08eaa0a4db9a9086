-- Error objects: what every expected failure returns as the second value of `nil, err`.
--
-- An error is a value: made once where the failure is known, given context on the way up with wrap(), shown
-- once at the top. It never carries handles or functions, so it can be sent to another process as JSON and back.

local M = {}

-- Loaded by the first failure that is told: it is most of what this module would cost at each start.
local function known_code(code) return require("banger.core.codes")[code] end

local Error = {}
Error.__index = Error

--- The metatable of every error object; the C modules put it on theirs.
M.metatable = Error

-- What crosses a process border. `traceback` stays behind: it is for the log of the process that has the bug.
local WIRE_FIELDS = { "code", "message", "errno", "remedy", "op_id", "field", "step" }

--- A new error.
---@param code string        a code of banger.core.codes
---@param message string     what failed, for a person, without the code and without a full stop
---@param fields table?      errno, cause, remedy, op_id, field, step, traceback, or details of one code
---@return banger.Error
function M.new(code, message, fields)
  if type(code) ~= "string" or not code:find(".", 1, true) and code ~= "internal" then
    error("err.new: the code must be `area.reason`, got " .. tostring(code), 2)
  end
  local e = { code = code, message = tostring(message) }
  if fields then
    for key, value in pairs(fields) do e[key] = value end
    e.code, e.message = code, tostring(message)
  end
  return setmetatable(e, Error)
end

--- Whether a value is an error object.
function M.is(value)
  return type(value) == "table" and getmetatable(value) == Error
end

--- What was raised, as an error object: an error object as it is, anything else as the bug that it is.
---@param raised any
---@param traceback string?
---@return banger.Error
function M.from_raised(raised, traceback)
  if M.is(raised) then
    raised.traceback = raised.traceback or traceback
    return raised
  end
  return M.new("internal", tostring(raised), { traceback = traceback })
end

--- Message handler for xpcall where what was raised goes on later (error(e, 0)): the stack of the place is kept.
function M.raised_here(raised)
  return M.from_raised(raised, debug.traceback("", 2))
end

--- The same failure with the step during which it happened in front: `start dev: network: no such device`.
--- Code, errno, remedy and details stay; the inner error is the cause.
---@param e banger.Error
---@param context string
---@return banger.Error
function M.wrap(e, context)
  if not M.is(e) then error("err.wrap: not an error object: " .. tostring(e), 2) end
  local outer = {}
  for key, value in pairs(e) do outer[key] = value end
  outer.message = context .. ": " .. e.message
  outer.cause = e
  return setmetatable(outer, Error)
end

--- Another failure of the same operation (an undo that failed, a second task): kept beside the first, never in its place.
---@param e banger.Error
---@param other banger.Error
function M.attach(e, other)
  e.others = e.others or {}
  e.others[#e.others + 1] = other
end

--- One line for a person: `create dev: image not found: debian13 (image.not_found)`.
---@param e banger.Error
---@return string
function M.format(e)
  local detail = e.code
  if e.errno then detail = detail .. ", " .. e.errno end
  return ("%s (%s)"):format(e.message, detail)
end

--- What the user can do: the error's own word, else the registry's; nil where there is nothing to say.
---@param e banger.Error
---@return string?
function M.remedy(e)
  if e.remedy then return e.remedy end
  local known = known_code(e.code)
  return known and known.remedy
end

--- The exit status of a command that ended with this error; 1 for a code newer than this program.
---@param e banger.Error
---@return integer
function M.exit_status(e)
  local known = known_code(e.code)
  return known and known.exit or 1
end

--- A plain table for JSON: the fields that have a meaning in another process, with the remedy filled in.
---@param e banger.Error
---@return table
function M.to_json(e)
  local out = {}
  for _, field in ipairs(WIRE_FIELDS) do out[field] = e[field] end
  out.remedy = M.remedy(e)
  if e.others then
    out.others = {}
    for i, other in ipairs(e.others) do out.others[i] = M.to_json(other) end
  end
  return out
end

--- The error that another process sent. Codes that this program does not know (a newer daemon's) are kept as
--- they are; a table without code or message is a bug of the sender.
---@param t any
---@return banger.Error
function M.from_json(t)
  if type(t) ~= "table" or type(t.code) ~= "string" or type(t.message) ~= "string" then
    return M.new("rpc.malformed", "the peer sent an error without code or message")
  end
  local e = {}
  for _, field in ipairs(WIRE_FIELDS) do
    if type(t[field]) == "string" then e[field] = t[field] end
  end
  if type(t.others) == "table" then
    e.others = {}
    for i, other in ipairs(t.others) do e.others[i] = M.from_json(other) end
  end
  return setmetatable(e, Error)
end

Error.__tostring = M.format

return M
