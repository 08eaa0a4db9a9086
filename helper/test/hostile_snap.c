/*
 * A VMM that has been taken over writes a snapshot: it must not be able to change what others will map, nor have
 * anything kept that is not its own. The owner asks, the VMM's uid does its worst in its jail, root looks at the store.
 */
#include "hostile.h"
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

static const bg_t_DIGEST snap = {{0x5a, 1}};
static const char kept[] =
    STATE "/bases/5a01000000000000000000000000000000000000000000000000000000000000/mem";
static char jail[BG_PATH_MAX];
static int tries_wanted;
enum { SIZE = 1 << 20 };

static int save(void)
{
    return ASK(snap_save, ID, .snap = snap, .what = BG_V_memory);
}

static bool saves(void)
{
    return save() == BG_OK;
}

static bool refused(void)
{
    return save() == BG_PEER_UNPROVEN;
}

static bool forgotten(void)
{
    return ASK(base_remove, .digest = snap) == BG_OK;
}

static bool in_use(void)
{
    return ASK(base_remove, .digest = snap) == BG_BASE_IN_USE;
}

static bool write_both(void)
{
    static char page[SIZE];
    static const char *const names[] = {"save.mem", "save.state"};
    BG_CLOSED int here = chdir(jail) < 0 ? -1 : open(".", O_RDONLY | O_DIRECTORY);
    bool good = here >= 0;
    memset(page, 'm', sizeof(page));
    for (size_t i = 0; i < 2; i++) {
        good = good && bg_remove_tree(here, names[i]) == 0;
        BG_CLOSED int fd = open(names[i], O_CREAT | O_RDWR | O_TRUNC, 0666);
        good = good && write(fd, page, sizeof(page)) == sizeof(page);
    }
    return good;
}

static bool a_link(void)
{
    return write_both() && unlink("save.mem") == 0 && symlink("metrics", "save.mem") == 0;
}

static bool a_second_name(void)
{
    return write_both() && link("save.state", "other") == 0;
}

static bool a_fifo(void)
{
    return write_both() && unlink("other") == 0 && unlink("save.state") == 0 &&
           mkfifo("save.state", 0666) == 0;
}

static bool a_folder(void)
{
    return write_both() && unlink("save.mem") == 0 && mkdir("save.mem", 0777) == 0;
}

/* Root's and read-only already, and not its own: it is shared with other jails. */
static bool the_kernel(void)
{
    return write_both() && rename("kernel", "save.mem") == 0;
}

/* Writes by all that it had before: a descriptor, a mapping, and by the name that it may still have. */
static int fd_of_before = -1;
static volatile char *map_of_before;
static void write_on(void)
{
    static char byte;
    byte++;
    if (fd_of_before < 0) {
        fd_of_before = open("save.mem", O_RDWR);
        map_of_before = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd_of_before, 0);
        BG_CLOSED int told = open("told", O_CREAT | O_WRONLY, 0666);
        if (map_of_before == MAP_FAILED || told < 0)
            _exit(1);
    }
    map_of_before[5000] = byte;
    if (pwrite(fd_of_before, &byte, 1, 9000) != 1)
        _exit(1);
    chmod("save.mem", 0666);
    BG_CLOSED int again = open("save.mem", O_RDWR);
    if (again >= 0)
        (void)!pwrite(again, &byte, 1, 13000);
    sched_yield();
}

/* The snapshot's memory as it is now, and as it is after the rival had many turns. */
static bool unchanged(void)
{
    static char first[SIZE], then[SIZE];
    BG_CLOSED int fd = open(kept, O_RDONLY);
    struct stat st;
    bool good = fd >= 0 && fstat(fd, &st) == 0 && st.st_uid == 0 && (st.st_mode & 07777) == 0444 &&
                pread(fd, first, SIZE, 0) == SIZE;
    for (int i = 0; good && i < 20; i++) {
        usleep(5000);
        good = pread(fd, then, SIZE, 0) == SIZE && memcmp(first, then, SIZE) == 0;
    }
    return good;
}

static bool an_evil_link(void)
{
    bool good = write_both();
    unlink("evil.mem");
    return good && symlink(STATE "/config", "evil.mem") == 0;
}

/* What was refused is gone: it is written again. */
static void swap_memory(void)
{
    if (renameat2(AT_FDCWD, "save.mem", AT_FDCWD, "evil.mem", RENAME_EXCHANGE) < 0)
        an_evil_link();
    sched_yield();
}

/* Root's side: what was kept is what the VMM wrote, whatever the name meant meanwhile. */
static bool exchanged(void)
{
    int code = BG_PEER_UNPROVEN;
    for (int i = 0; i < tries_wanted && code == BG_PEER_UNPROVEN; i++)
        code = save();
    char first = 0;
    BG_CLOSED int fd = open(kept, O_RDONLY);
    return code == BG_OK ? fd >= 0 && pread(fd, &first, 1, 0) == 1 && first == 'm'
                         : code == BG_PEER_UNPROVEN && fd < 0;
}

/* The name that the VMM has kept counts as a jail that maps the memory. */
static bool both_names_gone(void)
{
    return chdir(jail) == 0 && (unlink("save.mem") == 0 || errno == ENOENT) &&
           (unlink("evil.mem") == 0 || errno == ENOENT);
}

static bool ids(void)
{
    BG_CLOSED int seed = memfd_create("seed", 0);
    const bg_t_DIGEST absent = {{1}};
    return ftruncate(seed, SEED_OK) == 0 &&
           ASK(snap_save, ID, .snap = base, .what = BG_V_memory) == BG_BASE_IN_USE &&
           ASK(snap_save, ID, .snap = snap, .what = BG_V_full) == BG_BASE_IN_USE &&
           ASK(snap_save, ID, .snap = absent, .what = BG_V_base) == BG_BAD_REQUEST &&
           ASK(snap_save, ID, .snap = absent, .what = BG_V_disk) == BG_VM_ALIVE &&
           ASK(snap_save, .vm = {"nobodys1"}, .snap = absent, .what = BG_V_disk) == BG_VM_ABSENT &&
           ASK(vm_reserve, .vm = {"hostile3"}, .slot = 7) == BG_OK &&
           ASK(disk_create, .vm = {"hostile3"}, .base = snap, .size = 1 << 20) == BG_BASE_ABSENT &&
           ASK(snap_save, .vm = {"hostile3"}, .snap = absent, .what = BG_V_disk) ==
               BG_DISK_ABSENT &&
           ASK(disk_create, .vm = {"hostile3"}, .base = base, .size = 1 << 20) == BG_OK &&
           ASK(snap_save, .vm = {"hostile3"}, .snap = absent, .what = BG_V_full) ==
               BG_JAIL_ABSENT &&
           ASK(jail_spawn, .vm = {"hostile3"}, .engine = 1, .kernel = snap, .seed = seed, .cpus = 1,
               .memory_mib = 64) == BG_BASE_ABSENT &&
           ASK(jail_spawn, .vm = {"hostile3"}, .engine = 1, .kernel = base, .seed = seed, .cpus = 1,
               .memory_mib = 64, .snapshot = base) == BG_BASE_ABSENT &&
           ASK(jail_spawn, .vm = {"hostile3"}, .engine = 1, .kernel = base, .seed = seed, .cpus = 1,
               .memory_mib = 64, .snapshot = snap) == BG_OK;
}

static bool a_fork_reads_only(void)
{
    BG_CLOSED int reader = open("snap.mem", O_RDONLY);
    char first = 0;
    return reader >= 0 && pread(reader, &first, 1, 0) == 1 && first == 'm' &&
           open("snap.mem", O_RDWR) < 0 && errno == EACCES && chmod("snap.mem", 0666) < 0 &&
           errno == EPERM && truncate("snap.state", 0) < 0 && errno == EACCES;
}

static bool in_the_fork(void)
{
    union bg_results r;
    if (ASK_RES(&r, jail_status, .vm = {"hostile3"}) != BG_OK)
        return false;
    snprintf(jail, sizeof(jail), STATE "/jails/firecracker/%.16s/root", r.jail_status.jail.s);
    return true;
}

static bool fork_gone(void)
{
    return ASK(vm_teardown, .vm = {"hostile3"}, .extent = BG_V_all) == BG_OK;
}

static bool enters(void)
{
    return chdir(jail) == 0 && a_fork_reads_only();
}

void snapshots(uid_t uid, int tries)
{
    static const struct {
        bool (*attack)(void);
        const char *what;
    } plain[] = {{a_link, "A1 memory that is a link is not taken"},
                 {a_second_name, "A3 nor a file with a second name"},
                 {a_fifo, "A5 nor a FIFO"},
                 {a_folder, "A5 nor a folder"},
                 {the_kernel, "A26 nor the kernel that VMs share"}};
    char what[100];
    union bg_results r;
    tries_wanted = tries;
    ASK_RES(&r, jail_status, ID);
    snprintf(jail, sizeof(jail), STATE "/jails/firecracker/%.16s/root", r.jail_status.jail.s);
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        ok(as(uid, plain[i].attack) && as(OWNER, refused), plain[i].what);
    ok(as(uid, an_evil_link), "a link to exchange");
    pid_t pid = rival(uid, jail, swap_memory);
    snprintf(what, sizeof(what), "A2 memory exchanged for a link while it is taken, %d tries",
             tries);
    ok(exchanged(), what);
    rival_end(pid);
    ok(as(uid, both_names_gone) && as(OWNER, forgotten) && as(uid, write_both),
       "a snapshot's files");
    pid = rival(uid, jail, write_on);
    char told[BG_PATH_MAX + 8];
    snprintf(told, sizeof(told), "%s/told", jail);
    for (int i = 0; i < 5000 && access(told, F_OK) < 0; i++)
        usleep(1000);
    ok(as(OWNER, saves) && unchanged(),
       "A26 a VMM that still writes to what it has saved, by descriptor and mapping, is not seen");
    rival_end(pid);
    ok(as(OWNER, forgotten) && as(uid, write_both) && as(OWNER, saves) && unchanged(),
       "memory that nobody writes to");
    ok(as(OWNER, ids), "A9 ids of what is something else, or not there");
    ok(as(OWNER, in_use) && in_the_fork() && as(uid + 2, enters),
       "A26 a fork can read the memory that it shares, and no more");
    ok(as(OWNER, fork_gone) && as(OWNER, forgotten), "both are removed");
}
