-- Small graphs of characters: a line of samples, a bar.
local M = {}

local LINE = {
  [true] = { " ", "\226\150\129", "\226\150\130", "\226\150\131", "\226\150\132", "\226\150\133", "\226\150\134", "\226\150\135",
    "\226\150\136" },
  [false] = { " ", ".", ":", "-", "=", "+", "*", "%", "#" },
}
local BAR = { [true] = { "\226\150\136", "\226\150\145" }, [false] = { "#", "." } }

---The last `width` samples, the newest at the right. A sample above zero is never drawn as nothing.
---@param samples number[]
---@param most number        what fills a character
---@param width integer
---@param unicode boolean
---@return string
function M.line(samples, most, width, unicode)
  local out, marks = {}, LINE[unicode]
  for i = #samples - width + 1, #samples do
    local share = samples[i] and most > 0 and math.min(samples[i] / most, 1) or 0
    out[#out + 1] = marks[share > 0 and math.max(2, math.ceil(share * 8) + 1) or 1]
  end
  return table.concat(out)
end

---How much of a whole, as a bar.
---@param share number      0 to 1
---@param width integer
---@param unicode boolean
---@return string
function M.bar(share, width, unicode)
  local full = math.floor(math.max(0, math.min(share, 1)) * width + 0.5)
  return BAR[unicode][1]:rep(full) .. BAR[unicode][2]:rep(width - full)
end

return M
