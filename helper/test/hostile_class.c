/* The attack classes that are about what a running VM, its jail and the helper's own processes look like. */
#include "../names.h"
#include "../record.h"
#include "hostile.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

static uid_t vm_uid;
static char jail[BG_PATH_MAX];

/* Does any field of any request have one of these types? The types are closed, and each has one validator. */
static bool fields_are(const char *const allowed[])
{
    for (size_t op = 0; op < bg_ops_count; op++)
        for (size_t i = 0; i < bg_ops[op].nargs; i++) {
            const char *type = bg_type_name(bg_ops[op].args[i].type);
            size_t k = 0;
            while (allowed[k] && strcmp(allowed[k], type) != 0)
                k++;
            if (!allowed[k] && strncmp(type, "E_", 2) != 0)
                return false;
        }
    return true;
}

static bool a6_no_field_says_who(void)
{
    static const char *const claims[] = {"uid", "gid", "pid", "owner", "user"};
    for (size_t op = 0; op < bg_ops_count; op++)
        for (size_t i = 0; i < bg_ops[op].nargs; i++)
            for (size_t k = 0; k < sizeof(claims) / sizeof(claims[0]); k++)
                if (strcmp(bg_ops[op].args[i].name, claims[k]) == 0)
                    return false;
    return true;
}

/* The one who connected is gone, its pid free for anybody: its connection is still the owner's and no more. */
static bool a7_connected_by_the_dead(void)
{
    struct bg_wire w, answer;
    struct bg_header header;
    struct bg_reply reply;
    union bg_results results;
    union bg_args args;
    memset(&args, 0, sizeof(args));
    int pair[2], s;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        s = talk_connect(SOCKET);
        bg_wire_init(&w);
        w.bytes[0] = 'f', w.length = 1, w.fds[0] = s, w.nfds = 1;
        _exit(talk_send(pair[1], &w) < 0);
    }
    waitpid(pid, NULL, 0);
    if (talk_receive(pair[0], &answer) < 0 || answer.nfds != 1)
        return false;
    strcpy(args.port_publish.vm.s, VM);
    args.port_publish.host_port = 22;
    args.port_publish.guest_port = 22;
    bg_wire_init(&w);
    return bg_encode_request(&w, bg_op_by_name("port_publish"), 1, &args) &&
           talk_send(answer.fds[0], &w) == 0 && talk_receive(answer.fds[0], &w) == 0 &&
           bg_decode_header(&w, &header) &&
           bg_decode_reply(&w, bg_op_by_name("port_publish"), &reply, &results) &&
           reply.code == BG_BAD_REQUEST;
}

static bool a10_root_is_checked_as_well(void)
{
    return ASK(port_publish, ID, .host_port = 22, .guest_port = 22) == BG_BAD_REQUEST &&
           ASK(net_up, .subnet = 0x08080000, .prefix = 20) == BG_BAD_REQUEST &&
           ASK(disk_create, ID, .base = base, .size = 1) == BG_BAD_REQUEST &&
           spawn(1, 0, 128, SEED_OK) == BG_BAD_REQUEST;
}

static bool a11_longest_names(void)
{
    char path[2 * BG_PATH_MAX];
    struct bg_net_names n = bg_net_names("abcdefgh", subnet, BG_SLOT_MAX);
    struct bg_name unit = bg_unit_name("abcdefgh", "abcdefgh", "0123456789abcdef"),
                   name = bg_dm_name("abcdefgh", "abcdefgh", "-origin"),
                   uuid = bg_dm_uuid("abcdefgh", "abcdefgh", "-origin");
    snprintf(path, sizeof(path), "/proc/self/fd/%d/vsock.sock_1024", 1 << 20);
    return strcmp(n.tap, "bgabcdefgh-tffb") == 0 && strcmp(n.bridge, "bgabcdefgh-br") == 0 &&
           strcmp(unit.s, "banger-abcdefgh-abcdefgh-0123456789abcdef.service") == 0 &&
           strcmp(name.s, "banger-abcdefgh-abcdefgh-origin") == 0 &&
           strcmp(uuid.s, "BANGER-abcdefgh-abcdefgh-origin") == 0 && strlen(path) < 108;
}

static bool nothing_mounted(void)
{
    char text[1 << 16];
    return bg_read_small(AT_FDCWD, "/proc/self/mountinfo", text, sizeof(text)) > 0 &&
           !strstr(text, "banger-root/hostile") && !strstr(text, "banger-hostile");
}

static bool a19_no_node_in_the_jail(void)
{
    char path[BG_PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/null", jail);
    return mknod(path, S_IFCHR | 0600, 0x103) < 0 && errno == EPERM &&
           mknod(path, S_IFBLK | 0600, 0x800) < 0 && errno == EPERM;
}

/* The folder that holds the jail's root is root's: the root itself cannot be exchanged. */
static bool a18_root_cannot_be_moved(void)
{
    char other[BG_PATH_MAX + 16];
    snprintf(other, sizeof(other), "%s.old", jail);
    return rename(jail, other) < 0 && errno == EACCES && mkdir(other, 0700) < 0 && errno == EACCES;
}

/* hostile.c gave the helper what would lead a runtime or a loader to /tmp/evil; a service manager may give its own. */
static bool a22_environment_is_not_ours(pid_t pid)
{
    char path[64], text[4096];
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    ssize_t n = bg_read_small(AT_FDCWD, path, text, sizeof(text));
    return n >= 0 && memmem(text, (size_t)n, "evil", 4) == NULL;
}

static bool a26_shared_files_cannot_be_written(void)
{
    char path[BG_PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/kernel", jail);
    return open(path, O_RDONLY) >= 0 && open(path, O_RDWR) < 0 && errno == EACCES &&
           chmod(path, 0666) < 0 && errno == EPERM;
}

static bool a26_other_disks_are_closed(void)
{
    return open(STATE "/disks/" VM, O_RDONLY) < 0 && errno == EACCES &&
           open(STATE "/bases", O_RDONLY) < 0 && errno == EACCES &&
           open(STATE "/ledger", O_RDONLY) < 0 && errno == EACCES;
}

static bool a6_vmm_cannot_ask(void)
{
    return talk_connect(SOCKET) < 0 && errno == EACCES;
}

static bool a27_vmm_cannot_see(void)
{
    char text[64], path[64];
    if (bg_read_small(AT_FDCWD, "/run/banger-root-hostile/helper.pid", text, sizeof(text)) < 1)
        return false;
    snprintf(path, sizeof(path), "/proc/%d/fd", atoi(text));
    return open(path, O_RDONLY | O_DIRECTORY) < 0 && kill(atoi(text), SIGKILL) < 0;
}

/* No open file of the helper's lies where others can write; none is a folder of theirs. */
static bool a25_nothing_in_tmp(void)
{
    char text[64], path[64], target[256];
    bg_read_small(AT_FDCWD, "/run/banger-root-hostile/helper.pid", text, sizeof(text));
    snprintf(path, sizeof(path), "/proc/%d/fd", atoi(text));
    DIR *d = opendir(path);
    bool good = d != NULL;
    for (struct dirent *e; good && (e = readdir(d));) {
        ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target) - 1);
        target[n < 0 ? 0 : n] = 0;
        good = strncmp(target, "/tmp", 4) != 0 && strncmp(target, "/var/tmp", 8) != 0;
    }
    if (d)
        closedir(d);
    return good;
}

static bool a28_log_is_one_line_a_request(void)
{
    char line[4096];
    FILE *log = fopen(STATE "/logs/helper.log", "re");
    bool good = log != NULL;
    while (good && fgets(line, sizeof(line), log)) {
        size_t n = strcspn(line, "\n");
        good = strncmp(line, "op=", 3) == 0 || strncmp(line, "worker ", 7) == 0;
        for (size_t i = 0; i < n; i++)
            good = good && line[i] >= ' ' && line[i] <= '~';
    }
    if (log)
        fclose(log);
    return good;
}

static bool a13_another_vm(void)
{
    return ASK(vm_reserve, .vm = {"hostile3"}, .slot = 7) == BG_OK &&
           ASK(vm_teardown, .vm = {"hostile3"}, .extent = BG_V_all) == BG_OK;
}

static bool a9_unknown_everywhere(void)
{
    return ASK(tap_create, .vm = {"nobodys1"}) == BG_VM_ABSENT &&
           ASK(jail_signal, .vm = {"nobodys1"}, .signal = BG_V_kill) == BG_VM_ABSENT &&
           ASK(vm_connect, .vm = {"nobodys1"}) == BG_VM_ABSENT &&
           ASK(vm_log, .vm = {"nobodys1"}) == BG_VM_ABSENT &&
           ASK(disk_export, .vm = {"nobodys1"}) == BG_VM_ABSENT &&
           ASK(disk_status, .vm = {"nobodys1"}) == BG_VM_ABSENT;
}

static bool a1_ids_are_no_paths(void)
{
    struct bg_wire w;
    union bg_args a;
    memset(&a, 0, sizeof(a));
    strcpy(a.vm_log.vm.s, VM);
    bool good = true;
    static const char *const evil[] = {"../../x1", "hostile/", "hostile\0", "HOSTILE1", ".hostile"};
    for (size_t i = 0; good && i < sizeof(evil) / sizeof(evil[0]); i++) {
        struct bg_header header;
        struct bg_reply reply;
        union bg_results results;
        bg_wire_init(&w);
        bg_encode_request(&w, bg_op_by_name("vm_log"), 1, &a);
        memcpy(w.bytes + BG_WIRE_HEADER, evil[i], 8);
        good = talk(SOCKET, &w) == 0 && bg_decode_header(&w, &header) &&
               bg_decode_reply(&w, bg_op_by_name("vm_log"), &reply, &results) &&
               reply.code == BG_BAD_REQUEST;
    }
    return good;
}

static bool a16_owner_cannot_enter(void)
{
    return open(jail, O_RDONLY | O_DIRECTORY) < 0 && errno == EACCES;
}

void by_class(uid_t uid, pid_t pid)
{
    static const char *const plain[] = {"VMID", "DIGEST", "SLOT", "U32", "U64",
                                        "IPV4", "FD",     "NAME", NULL};
    char path[64];
    union bg_results r;
    vm_uid = uid;
    ASK_RES(&r, jail_status, ID);
    snprintf(jail, sizeof(jail), STATE "/jails/firecracker/%.16s/root", r.jail_status.jail.s);
    ok(fields_are(plain), "A15 A21 A22 A23 no request has a path, a table, an option or free text");
    ok(a6_no_field_says_who(), "A6 no request says who asks");
    ok(as(OWNER, a1_ids_are_no_paths),
       "A1 A11 ids with slashes, dots, NULs and capitals are refused");
    ok(as(OWNER, a7_connected_by_the_dead),
       "A7 a connection whose maker is gone has no more rights");
    ok(a10_root_is_checked_as_well(), "A10 root's own requests pass the same checks");
    ok(a11_longest_names(), "A11 the longest derived names fit what the kernel takes");
    ok(as(OWNER, a9_unknown_everywhere),
       "A9 each operation refuses a VM that the ledger does not know");
    ok(nothing_mounted(), "A16 A18 nothing of ours is mounted on the host");
    ok(as(OWNER, a16_owner_cannot_enter), "A16 the owner cannot enter the jail");
    ok(as(uid, a18_root_cannot_be_moved), "A18 the VMM cannot exchange its jail's root");
    ok(as(uid, a19_no_node_in_the_jail), "A19 nor make device nodes in it");
    ok(as(uid, a26_shared_files_cannot_be_written), "A26 nor write the kernel that VMs share");
    ok(as(uid, a26_other_disks_are_closed), "A26 nor see disks, bases and ledger");
    ok(as(uid, a6_vmm_cannot_ask), "A6 nor ask the helper");
    ok(as(uid, a27_vmm_cannot_see), "A27 nor look into it, nor signal it");
    snprintf(path, sizeof(path), "/proc/%d/root/etc", pid);
    ok(access(path, F_OK) < 0, "A24 the VMM has no file of the host");
    ok(a22_environment_is_not_ours(pid), "A22 A30 the VMM has nothing of the helper's environment");
    ok(a25_nothing_in_tmp(), "A25 no file of the helper lies in /tmp");
    ok(a28_log_is_one_line_a_request(), "A28 the log is one printable line a request");
    ok(as(OWNER, a13_another_vm), "A13 a second VM within the quota");
}
