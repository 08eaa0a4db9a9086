-- `image build debian`: a root file system of Debian packages as a tar archive, by mmdebstrap in the owner's user namespace.
local err = require "banger.core.err"
local shell = require "banger.host.shell"
local sys = require "banger.rt.sys"
local tool = require "banger.host.tool"
local userns = require "banger.host.userns"

local M = {}

M.SUITE = "bookworm"
local TIMEOUT = 3600

-- What a guest is reached and looked at with. usr-is-merged stands for usrmerge, which needs all of Perl.
local PACKAGES = {
  "usr-is-merged", "openssh-server", "iproute2", "procps", "mount", "login", "passwd", "netbase", "ca-certificates", "iputils-ping",
}
local SYSTEMD = { "systemd", "systemd-sysv", "dbus", "udev" }

-- Kept by dpkg in the image, so that packages installed later in a VM come without them as well.
local WITHOUT = { "doc", "man", "info", "locale", "lintian", "bug" }

-- In the new root ($1): keys and ids belong to one VM, the rest is what only the build needed.
local CLEAN = [[
rm -f "$1"/etc/ssh/ssh_host_* "$1"/etc/resolv.conf "$1"/etc/hostname
rm -f "$1"/var/cache/debconf/*-old "$1"/var/lib/dpkg/*-old "$1"/var/cache/ldconfig/aux-cache
find "$1"/var/log -type f -delete
chroot "$1" ldconfig
]]

---@class banger.DebianBuild
---@field suite string?        a Debian release
---@field packages string[]?   besides what every image has
---@field script string?       a program of the user's that runs as root in the new root, before it becomes an image
---@field init "banger"|"systemd"|nil
---@field mirror string?       where the packages come from, else Debian's own

local function check(options)
  for _, package in ipairs(options.packages or {}) do
    if not package:find "^[a-z0-9][a-z0-9+.-]+$" then
      return nil, err.new("usage.invalid", ("--packages: %q is no name of a Debian package"):format(package))
    end
  end
  if options.suite and not options.suite:find "^[a-z][a-z0-9-]*$" then
    return nil, err.new("usage.invalid", ("--suite: %q is no name of a Debian release"):format(options.suite))
  end
  if options.script and not sys.stat(options.script) then
    return nil, err.new("usage.invalid", "--script: there is no file " .. options.script)
  end
  return userns.check()
end

local function arguments(options, target)
  local include = {}
  for _, list in ipairs { PACKAGES, options.init == "systemd" and SYSTEMD or {}, options.packages or {} } do
    for _, package in ipairs(list) do include[#include + 1] = package end
  end
  local argv = {
    "mmdebstrap", "--mode=unshare", "--variant=apt", "--format=tar", "--architectures=amd64", "--skip=output/dev",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr", "--include=" .. table.concat(include, ","),
    '--aptopt=Acquire::Languages "none"',
  }
  for _, folder in ipairs(WITHOUT) do argv[#argv + 1] = ("--dpkgopt=path-exclude=/usr/share/%s/*"):format(folder) end
  argv[#argv + 1] = "--dpkgopt=path-include=/usr/share/doc/*/copyright"
  if options.script then
    -- The namespace's root cannot read the owner's files; mmdebstrap's `upload` reads them as the owner.
    for _, hook in ipairs {
      "upload " .. shell.quote(options.script) .. " /banger-build", 'chmod 755 "$1"/banger-build', 'chroot "$1" /banger-build',
      'rm "$1"/banger-build',
    } do argv[#argv + 1] = "--customize-hook=" .. hook end
  end
  argv[#argv + 1] = "--customize-hook=" .. CLEAN
  argv[#argv + 1] = options.suite or M.SUITE
  argv[#argv + 1] = target
  argv[#argv + 1] = options.mirror
  return argv
end

-- mmdebstrap says on stderr what it does ("I: …") and why it fails ("E: …"), and passes on what its children say.
local function listener(progress, words)
  return function(line)
    local doing = line:match "^I: (.*)$"
    if not doing then
      words[#words + 1] = line
      if #words > 200 then table.remove(words, 1) end
    elseif not doing:find "^running %-%-" then
      progress(doing)
    end
  end
end

-- The most telling line of a failed build: apt's or dpkg's own error rather than mmdebstrap's last.
local TELLING = { "^E: Unable to locate", "^dpkg: error", "Could not resolve", "^E: Failed to fetch", "^E: " }
local function reason(words, fallback)
  for _, pattern in ipairs(TELLING) do
    for _, line in ipairs(words) do
      if line:find(pattern) then return (line:gsub("^E: ", "")) end
    end
  end
  return fallback
end

---Builds the archive.
---@param options banger.DebianBuild
---@param making {path: string, work: string}   work: a folder that the namespace's ids can enter
---@param progress fun(what: string)
---@return {archive: string, init: "banger"|"own", source: string}|nil, banger.Error?
function M.build(options, making, progress)
  local ok, e = check(options)
  if not ok then return nil, e end
  local target, words = making.path .. "/packages.tar", {}
  local env = { "env", "TMPDIR=" .. making.work, "LC_ALL=C.UTF-8" }
  local argv = arguments(options, target)
  argv[1], e = tool.find(argv[1])
  if not argv[1] then return nil, e end
  for _, arg in ipairs(argv) do env[#env + 1] = arg end
  ok, e = tool.run(env, { timeout = TIMEOUT, on_line = listener(progress, words) })
  if not ok then
    if e.code ~= "proc.failed" then return nil, e end
    return nil, err.new("image.build_failed", "mmdebstrap: " .. reason(words, e.message), { cause = e })
  end
  return {
    archive = target, init = options.init == "systemd" and "own" or "banger",
    source = ("debian %s"):format(options.suite or M.SUITE),
  }
end

return M
