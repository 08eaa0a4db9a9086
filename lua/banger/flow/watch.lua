-- Watches one VMM from its start (or adoption) to its end: its pidfd, and the guest's words on the notify socket. Nothing is polled.
--
-- A watch owns the fds of its jail. It ends by itself when the VMM ends, after it told `on_gone(watch)`, or by close() when somebody else
-- has settled the VM.
local err = require "banger.core.err"
local signal = require "banger.flow.signal"
local task = require "banger.aio.task"

local M = {}
M.__index = M

local HALT_GRACE = 15   -- seconds from the guest's "halting" until a VMM that is still there is ended (x86 guests cannot switch it off)
local LOST_SECONDS = 2  -- how long the last words of a dead VMM may take to be read

---@class banger.Watch
---@field id string
---@field jail string
---@field pid integer
---@field start integer
---@field ready {protocol: string, boot_id: string}?
---@field halting "poweroff"|"reboot"|"halt"?
---@field gone boolean
---@field expected boolean   somebody asked for the end

-- What a guest may say (docs/internals.md, Guest). Everything else is ignored: it is a guest that speaks.
local function hear(self, line)
  local protocol, boot_id = line:match "^ready (%d+) ([%x%-]+)$"
  if protocol and #boot_id <= 36 then return self:learn_ready(protocol, boot_id) end
  local how = line:match "^halting (%l+)$"
  if (how == "poweroff" or how == "reboot" or how == "halt") and not self.halting then
    self.halting = how
    self.hooks.on_halting(self)
    self.changed:fire()
    self.tasks.grace = self.host.spawn("grace of " .. self.name, function()
      if task.sleep(HALT_GRACE) and not self.gone then self.host.priv:jail_signal { vm = self.id, signal = "kill" } end
    end)
  end
end

local function await_end(self)
  local ok, problem = self.process:wait()
  if not ok then
    if not self.closed then self.hooks.on_blind(self, problem) end
    return
  end
  self.gone = true
  self.changed:fire()
  self.tasks.exit = nil   -- on_gone may close us: that must not cancel the task that it runs in
  self.hooks.on_gone(self)
end

---@param host table            ports: priv, spawn, process, words, last_words, describe_exit
---@param record {id: string, name: string}
---@param jail {jail: string, pid: integer, start: integer, watch: integer, notify: integer?}
---@param hooks {on_ready: fun(w), on_halting: fun(w), on_gone: fun(w), on_blind: fun(w, e: banger.Error)}
---@param ready {protocol: string, boot_id: string}?  said before this watch began
---@return banger.Watch
function M.open(host, record, jail, hooks, ready)
  local self = setmetatable({
    host = host, hooks = hooks, id = record.id, name = record.name,
    jail = jail.jail, pid = jail.pid, start = jail.start,
    process = host.process(jail.watch), words = jail.notify and host.words(jail.notify),
    ready = ready, gone = false, expected = false, closed = false, changed = signal.new(), tasks = {},
  }, M)
  self.tasks.exit = host.spawn("end of " .. record.name, function() return await_end(self) end)
  if self.words then
    self.tasks.words = host.spawn("words of " .. record.name, function()
      return self.words:each(function(line) hear(self, line) end)
    end)
  end
  return self
end

---The guest can be reached. Heard again it is nothing new.
function M:learn_ready(protocol, boot_id)
  if not self.ready then
    self.ready = { protocol = protocol, boot_id = boot_id }
    self.hooks.on_ready(self)
  end
  self.changed:fire()
end

---Stop watching. Asked again it does nothing.
function M:close()
  if self.closed then return end
  self.closed = true
  for _, one in pairs(self.tasks) do one:cancel() end
  self.process:close()
  if self.words then self.words:close() end
  self.changed:fire()
end

---Wait until the VMM has ended.
---@return true|nil, banger.Error?
function M:wait_gone() return self.changed:wait_until(function() return self.gone or self.closed end) end

---Wait until the guest said that it is ready.
---@return true|nil, banger.Error?
function M:wait_ready() return self.changed:wait_until(function() return self.ready ~= nil end) end

---What is known of the end of a VM's last VMM, after `what`: exit status and the last line of its console. Its remains must still be there.
---@param host table
---@param id string
---@param what string   "its VMM has ended"
---@return string
---@return {exit_code: integer, exit_signal: integer}?
function M.tell_end(host, id, what)
  local details
  task.timeout(LOST_SECONDS, function()
    local status = host.priv:jail_status { vm = id }
    if status and status.state == "exited" then
      details = { exit_code = status.exit_code, exit_signal = status.exit_signal }
      what = what .. ": " .. host.describe_exit(status.exit_code, status.exit_signal)
    end
    local line = host.last_words(id)
    if line then what = ("%s; it said last: %s"):format(what, line) end
  end)
  return what, details
end

---How the VMM ended, as an error for whoever wanted something of it.
---@return banger.Error
function M:obituary()
  local how, details = M.tell_end(self.host, self.id, "its VMM has ended")
  return err.new("vm.ended", how, details)
end

-- The end of a connection is often seen before the end of the process that held it.
local function ends_now(self, problem)
  if self.gone then return true end
  if problem.code ~= "vmm.unreachable" then return false end
  task.timeout(LOST_SECONDS, function() return self:wait_gone() end)
  return self.gone
end

---Run `body`, but give up with the VMM's obituary as soon as the VMM ends.
---@param body fun(): any, banger.Error?
---@return any
---@return banger.Error?
function M:unless_gone(body)
  local value, problem = task.scope(function(scope)
    local work = scope:spawn("work on " .. self.name, body)
    local guard = scope:spawn("guard of " .. self.name, function()
      local ok, cancelled = self:wait_gone()
      work:cancel()
      return ok, cancelled
    end)
    local value, problem = work:await()
    guard:cancel()
    return value, problem
  end)
  if value == nil and problem and ends_now(self, problem) then return nil, self:obituary() end
  return value, problem
end

return M
