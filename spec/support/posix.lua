-- The few system calls that the conformance specs need, by FFI (specs only; the runtime has none):
-- processes with their own stdio, uid and working directory, unix stream sockets, taps.
local ffi = require "ffi"
local bit = require "bit"

ffi.cdef [[
typedef int pid_t;
pid_t fork(void);
pid_t waitpid(pid_t, int *, int);
int kill(pid_t, int);
void (*signal(int, void (*)(int)))(int);
void _exit(int);
int execve(const char *, const char *const *, const char *const *);
int open(const char *, int, ...);
int close(int);
int dup2(int, int);
int chdir(const char *);
int setgroups(size_t, const void *);
int setgid(unsigned);
int setuid(unsigned);
unsigned umask(unsigned);
unsigned geteuid(void);
int usleep(unsigned);
int socket(int, int, int);
struct sockaddr_un { unsigned short family; char path[108]; };
int connect(int, const struct sockaddr_un *, unsigned);
int bind(int, const struct sockaddr_un *, unsigned);
int listen(int, int);
int accept4(int, void *, void *, int);
int shutdown(int, int);
long send(int, const void *, size_t, int);
long recv(int, void *, size_t, int);
struct pollfd { int fd; short events; short revents; };
int poll(struct pollfd *, unsigned long, int);
int ioctl(int, unsigned long, ...);
struct ifreq { char name[16]; short flags; char rest[22]; };
char *strerror(int);
]]
local C = ffi.C
local M = {}

M.SIGABRT, M.SIGKILL, M.SIGTERM = 6, 9, 15

-- What a shell has its background jobs ignore, and the runtime itself: a program starts with none of it, wherever the specs run.
local SIGINT, SIGQUIT, SIGPIPE = 2, 3, 13

function M.is_root()
  return C.geteuid() == 0
end

local function cstrings(list)
  local array = ffi.new("const char *[?]", #list + 1)
  for i, s in ipairs(list) do array[i - 1] = s end
  return array
end

--- Starts argv[1] with an empty environment and no signal ignored. options: stdout, stderr (file names), uid, cwd, umask, env.
function M.spawn(argv, options)
  local args, env = cstrings(argv), cstrings(options.env or {})
  local pid = C.fork()
  if pid == 0 then
    local null = C.open("/dev/null", 0)
    local flags = 0x441 -- O_WRONLY|O_CREAT|O_APPEND
    local out = C.open(options.stdout, flags, ffi.cast("int", 420))
    local err = C.open(options.stderr, flags, ffi.cast("int", 420))
    C.dup2(null, 0)
    C.dup2(out, 1)
    C.dup2(err, 2)
    for fd = 3, 63 do C.close(fd) end
    for _, signal in ipairs { SIGINT, SIGQUIT, SIGPIPE } do C.signal(signal, nil) end
    C.umask(options.umask or 18)
    C.chdir(options.cwd or "/")
    if options.uid and options.uid ~= 0 then
      C.setgroups(0, nil)
      C.setgid(options.uid)
      C.setuid(options.uid)
    end
    C.execve(argv[1], args, env)
    C._exit(127)
  end
  return pid
end

function M.kill(pid, signal)
  return C.kill(pid, signal) == 0
end

--- Reaps pid. wait = false: nil while it runs. Returns {exit=} or {signal=}.
function M.wait(pid, wait)
  local status = ffi.new("int[1]")
  local r = C.waitpid(pid, status, wait == false and 1 or 0)
  if r ~= pid then return nil end
  local signal = bit.band(status[0], 0x7f)
  if signal ~= 0 then return { signal = signal } end
  return { exit = bit.band(bit.rshift(status[0], 8), 0xff) }
end

--- Waits for the end of pid, for at most `seconds`; nil when it still runs.
function M.wait_end(pid, seconds)
  for _ = 1, seconds * 200 do
    local status = M.wait(pid, false)
    if status then return status end
    C.usleep(5000)
  end
end

function M.pause(seconds)
  C.usleep(seconds * 1000000)
end

local function address(path)
  local a = ffi.new("struct sockaddr_un")
  a.family = 1
  ffi.copy(a.path, path)
  return a
end

--- A connected unix stream socket, or nil while nobody listens.
function M.connect(path)
  local fd = C.socket(1, 0x80001, 0)
  local a = address(path)
  if C.connect(fd, a, ffi.sizeof(a)) == 0 then return fd end
  C.close(fd)
end

function M.listen(path)
  local fd = C.socket(1, 0x80001, 0)
  local a = address(path)
  if C.bind(fd, a, ffi.sizeof(a)) == 0 and C.listen(fd, 8) == 0 then return fd end
  C.close(fd)
end

function M.accept(fd, seconds)
  if M.readable(fd, seconds) then return C.accept4(fd, nil, nil, 0x80000) end
end

function M.close(fd)
  C.close(fd)
end

function M.half_close(fd)
  C.shutdown(fd, 1)
end

--- false when the other side has gone.
function M.send(fd, data)
  local at = 0
  while at < #data do
    local n = tonumber(C.send(fd, data:sub(at + 1), #data - at, 0x4000))
    if n < 0 then return false end
    at = at + n
  end
  return true
end

function M.readable(fd, seconds)
  local p = ffi.new("struct pollfd[1]")
  p[0].fd, p[0].events = fd, 1
  return C.poll(p, 1, seconds * 1000) > 0
end

local buffer = ffi.new("char[65536]")

--- What is there within `seconds`: bytes, "" at the end of the stream, nil when nothing came.
function M.receive(fd, seconds)
  if not M.readable(fd, seconds) then return nil end
  local n = tonumber(C.recv(fd, buffer, 65536, 0))
  return n > 0 and ffi.string(buffer, n) or ""
end

--- Attaches a tap, as a VMM would, so that it is busy; nil when that is not possible.
function M.hold_tap(name)
  local fd = C.open("/dev/net/tun", 2)
  local request = ffi.new("struct ifreq")
  ffi.copy(request.name, name)
  request.flags = 0x5002 -- IFF_TAP | IFF_NO_PI | IFF_VNET_HDR
  if fd >= 0 and C.ioctl(fd, 0x400454ca, request) == 0 then return fd end
  if fd >= 0 then C.close(fd) end
end

return M
