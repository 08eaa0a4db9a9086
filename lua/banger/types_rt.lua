---@meta
-- The C modules of the runtime, as Lua sees them. Never executed; the contract between runtime/mod_*.c and Lua.
-- Unless a line says otherwise: expected failure is `nil, err` (banger.Error), misuse raises, nothing blocks.

---@class banger.Error
---@field code string      `area.reason`, see banger.core.codes
---@field message string
---@field errno string?    "ENOENT"
---@field cause banger.Error?
---@field remedy string?
---@field op_id string?
---@field traceback string?

---banger.rt.sys: what luv does not have
---@class rt.sys
---@field getpid fun(): integer
---@field getuid fun(): integer
---@field geteuid fun(): integer
---@field user fun(name_or_uid: string|integer): {name: string, uid: integer, gid: integer, home: string}|nil, banger.Error?
---@field boot_id fun(): string                         32 hex digits, lower case
---@field monotonic fun(): number                       seconds, CLOCK_MONOTONIC
---@field time fun(): number                            seconds, CLOCK_REALTIME
---@field random fun(n: integer): string                n bytes of getrandom
---@field read fun(fd: integer, max: integer): string|nil, banger.Error?      "" at end; errno EAGAIN is err.errno == "EAGAIN"
---@field write fun(fd: integer, bytes: string, offset: integer?): integer|nil, banger.Error?   bytes taken, from 0-based offset
---@field close fun(fd: integer): true|nil, banger.Error?
---@field cloexec fun(fd: integer, on: boolean): true|nil, banger.Error?
---@field nonblock fun(fd: integer, on: boolean): true|nil, banger.Error?
---@field open fun(path: string, flags: string, mode: integer?): integer|nil, banger.Error?     flags "r" "w" "rw" plus any of "c"reate "x"excl "t"runc "a"ppend "n"ofollow "d"irectory
---@field stat fun(path_or_fd: string|integer): {type: "file"|"dir"|"link"|"socket"|"fifo"|"char"|"block", size: integer, blocks: integer, mode: integer, uid: integer, gid: integer, dev: integer, ino: integer, nlink: integer, mtime: number}|nil, banger.Error?   does not follow links
---@field replace fun(path: string, bytes: string, mode: integer): true|nil, banger.Error?      beside, fsync, rename, fsync of the folder
---@field mkdir_p fun(path: string, mode: integer): true|nil, banger.Error?
---@field list fun(path: string): string[]|nil, banger.Error?      names without . and .., sorted
---@field rmtree fun(path: string): true|nil, banger.Error?        never follows links, never crosses a mount
---@field copy fun(fd: integer, path: string, mode: integer): true|nil, banger.Error?      all of fd into a new file, blocks shared where possible, fsynced
---@field rename fun(from: string, to: string): true|nil, banger.Error?                   and fsync of the folder
---@field exchange fun(from: string, to: string): true|nil, banger.Error?                 both names stay taken at every moment; fsync of the folder
---@field symlink fun(target: string, path: string): true|nil, banger.Error?
---@field readlink fun(path: string): string|nil, banger.Error?
---@field sync fun(path: string): true|nil, banger.Error?                                 everything of that file system
---@field lock fun(fd: integer, how: "ex"|"sh"|"un"): true|nil, banger.Error?      flock, never waits (errno EWOULDBLOCK)
---@field statfs fun(path: string): {free: integer, total: integer, type: string}|nil, banger.Error?
---@field pidfd fun(pid: integer): integer|nil, banger.Error?
---@field pidfd_signal fun(fd: integer, signal: string): true|nil, banger.Error?   "TERM", "KILL", …
---@field proc fun(pid: integer): {start: integer, ppid: integer, state: string, uid: integer, exe: string?}|nil, banger.Error?   start is field 22 of /proc/pid/stat
---@field memfd fun(name: string, bytes: string): integer|nil, banger.Error?     sealed, read-only content, for fds that are handed over
---@field umask fun(mask: integer): integer
---@field getenv fun(name: string): string?
---@field background fun(): true|nil, banger.Error?   fork to the background; the parent exits with the status that the child gives to ready()
---@field notify fun(message: string): nil            sd_notify(3): "WATCHDOG=1"; nothing without systemd
---@field ready fun(status: integer): nil             ends the wait of background()'s parent; sd_notify READY=1 where NOTIFY_SOCKET is set
---@field on_callback_error fun(handler: fun(value: any, traceback: string)|nil)   who learns of an error that a loop callback raised; without one it is printed to stderr

---banger.rt.build: what this program is
---@class rt.build
---@field version string
---@field modules fun(): string[]      the Lua modules inside the program, sorted; none under busted

---banger.rt.sock: unix sockets with fds; every fd is CLOEXEC and non-blocking
---@class rt.sock
---@field connect fun(path: string, kind: "stream"|"seqpacket"): integer|nil, banger.Error?     short blocking connect; EAGAIN when the backlog is full
---@field listen fun(path: string, kind: "stream"|"seqpacket", mode: integer): integer|nil, banger.Error?  a stale path that nobody answers on is replaced
---@field inherited fun(): integer[]     listening fds passed by systemd (LISTEN_FDS, checked against LISTEN_PID)
---@field accept fun(fd: integer): integer|nil, banger.Error?
---@field peer fun(fd: integer): {uid: integer, gid: integer, pid: integer}|nil, banger.Error?
---@field send fun(fd: integer, bytes: string, fds: integer[]?, offset: integer?): integer|nil, banger.Error?   bytes taken
---@field recv fun(fd: integer, max: integer, max_fds: integer?): string|nil, integer[]|banger.Error    bytes ("" at end) and fds
---@field pair fun(kind: "stream"|"seqpacket"): integer|nil, integer|banger.Error

---banger.rt.helper: the marshalling of helper/ops.def; transport is aio/helper.lua
---@class rt.helper
---@field encode fun(op: string, id: integer, args: table): string|nil, integer[]|banger.Error  message and the fds to send with it; digests are 64 hex digits, IPv4 dotted, ids strings, enums their names
---@field decode fun(op: string, bytes: string, fds: integer[]): table|nil, banger.Error        results by name; a failed reply is nil, err; fds are the caller's afterwards (closed on failure)
---@field ops fun(): {name: string, number: integer, doc: string, safe: string, args: {name: string, type: string}[], results: {name: string, type: string}[]}[]
---@field codes fun(): {symbol: string, number: integer, code: string}[]
---@field socket_path fun(instance: string): string

---banger.rt.pidfile
---@class rt.pidfile
---@field acquire fun(path: string): integer|nil, banger.Error?      locked fd, holds pid and start time; err.code "pidfile.held" while another holds it
---@field holder fun(path: string): {pid: integer, start: integer}|nil, banger.Error?     nil, err.code "pidfile.free" when nobody holds the lock
---@field signal fun(path: string, signal: string): true|nil, banger.Error?   by pidfd, after the lock, pid and start time were proven

---banger.rt.signature (OpenSSL, loaded at first use)
---@class rt.signature
---@field sha256 fun(bytes: string): string                                        64 hex digits
---@field sha256_fd fun(fd: integer): string|nil, banger.Error?                       from offset 0 to the end; blocking, for small files and clients
---@field verify fun(public_pem: string, bytes: string, signature_base64: string): true|nil, banger.Error?   strict base64, strict DER, ECDSA P-256 over SHA-256; codes "signature.malformed" "signature.mismatch" "signature.bad_key"

---banger.rt.http (libcurl multi, loaded at first use). Driven by aio/http.lua: after any call, wait for what `interest` says, then `step`.
---@class rt.http
---@field new fun(): rt.http.Multi|nil, banger.Error?
---@class rt.http.Multi
---@field add fun(self, request: {url: string, method: string, body: string?, headers: string[]?, fd: integer?, key: string?, timeout: number, max_body: integer?, sink: integer?, ca_file: string?, resume_from: integer?}): integer|nil, banger.Error?   request id; fd: connected socket that becomes the connection of this key (owned by the multi from now on); key: its unique name, requests with one key are made in turn, and after a failure it needs a new fd ("http.failed"); sink: fd that the body is written to
---@field cancel fun(self, id: integer)
---@field interest fun(self): {fd: integer, events: string}[], number?      "r" "w" "rw"; seconds until the next timeout
---@field step fun(self, fd: integer?, events: string?): {id: integer, status: integer?, headers: table<string,string>?, body: string?, err: banger.Error?}[]   nil fd: a timeout; finished requests
---@field forget fun(self, key: string)   close the connection of a VM that is gone
---@field close fun(self)

---banger.rt.sqlite (loaded at first use)
---@class rt.sqlite
---@field open fun(path: string, mode: "rw"|"ro"): rt.sqlite.Db|nil, banger.Error?     pragmas of docs/state.md are set
---@class rt.sqlite.Db
---@field exec fun(self, sql: string): true|nil, banger.Error?                  no parameters; for schema and transactions
---@field run fun(self, sql: string, ...): integer|nil, banger.Error?           rows changed; parameters bound in order: string, number, boolean, nil
---@field rows fun(self, sql: string, ...): table[]|nil, banger.Error?          each row a table by column name
---@field backup fun(self, path: string): true|nil, banger.Error?               VACUUM INTO
---@field close fun(self)

---banger.rt.tty
---@class rt.tty
---@field is fun(fd: integer): boolean
---@field size fun(fd: integer): integer?, integer?      columns, rows
---@field raw fun(fd: integer, input_only: boolean?): userdata|nil, banger.Error?  input_only: output stays as it was; restores itself at :restore(), at collection and at exit

---banger.rt.jailer: pure knowledge of jails
---@class rt.jailer
---@field jail_root fun(base: string, exec_name: string, id: string): string
---@field valid_id fun(id: string): boolean
---@field describe_exit fun(code: integer, signal: integer): string      what firecracker.md §5 says of an exit status

---banger.rt.tap: pure derivations, the same C code as the helper's
---@class rt.tap
---@field derive fun(instance: string, subnet: string, slot: integer): {ifname: string, mac: string, address: string, bridge: string, gateway: string}

---banger.rt.dm_snapshot: pure knowledge of dm-snapshot
---@class rt.dm_snapshot
---@field parse_status fun(line: string): {state: "ok"|"invalid"|"overflow"|"merge_failed", used: integer?, total: integer?}|nil, banger.Error?   sectors
---@field store_size fun(origin_bytes: integer): integer       bytes that hold every chunk of the origin and the metadata
