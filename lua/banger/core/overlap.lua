-- Whether something of this host lies in an instance's range of uids. Pure: texts in, words out. (daemon/fights has the network.)
local M = {}

---Accounts and subordinate ranges that share ids with a range.
---@param passwd string      /etc/passwd
---@param subuid string      /etc/subuid
---@param first integer
---@param count integer
---@return string[]          "alice (/etc/subuid)"
function M.uids(passwd, subuid, first, count)
  local out = {}
  for name, uid in passwd:gmatch "([^:\n]+):[^:\n]*:(%d+):[^\n]*" do
    if tonumber(uid) >= first and tonumber(uid) < first + count then out[#out + 1] = name .. " (/etc/passwd)" end
  end
  for name, start, length in subuid:gmatch "([^:\n]+):(%d+):(%d+)" do
    if tonumber(start) < first + count and start + length > first then out[#out + 1] = name .. " (/etc/subuid)" end
  end
  return out
end

return M
