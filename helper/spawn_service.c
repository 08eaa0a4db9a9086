/*
 * A VM's own transient service (systemd's StartTransientUnit): the jailer's parent is PID 1, its limits and devices are
 * the unit's, and no restart of ours can reach it. RemainAfterExit keeps the exit status until we forget the unit.
 */
#include "proc.h"
#include "spawn.h"
#include <systemd/sd-bus.h>

enum { START_WAIT_S = 15 };
#define MANAGER                                                                                    \
    "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"

#define FREED_BUS __attribute__((cleanup(sd_bus_unrefp))) sd_bus
static sd_bus *open_bus(struct bg_reply *f)
{
    sd_bus *bus = NULL;
    bg_step(f, "reach the service manager", sd_bus_open_system(&bus));
    return bus;
}

/* Before banger-vms.service: at shutdown that one stops first, and asks guests to halt while their VMMs live. */
static int fill(sd_bus_message *m, struct bg_helper *h, const struct bg_spawn *s)
{
    const char *vm = s->vm->id;
    char *const *a = s->argv;
    return sd_bus_message_append(
        m, "a(sv)", 14, "Description", "s", bg_name("banger VM %s (%s)", vm, h->instance).s,
        "Slice", "s", "banger.slice", "Type", "s", "exec", "StandardInput", "s", "null",
        "StandardOutputFileDescriptor", "h", s->console, "StandardErrorFileDescriptor", "h",
        s->errors, "OOMPolicy", "s", "continue", "DevicePolicy", "s", "strict", "RemainAfterExit",
        "b", 1, "Before", "as", 1, "banger-vms.service", "TasksMax", "t", (uint64_t)BG_TASKS_MAX,
        "MemoryMax", "t", s->memory_max, "DeviceAllow", "a(ss)", 4, "/dev/urandom", "rm",
        "/dev/null", "rw", "char-misc", "rwm", /* kvm, tun */ "block-device-mapper", "rwm",
        "ExecStart", "a(sasb)", 1, a[0], BG_SPAWN_ARGS, a[0], a[1], a[2], a[3], a[4], a[5], a[6],
        a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16], a[17], 0);
}

static int property(sd_bus *bus, const char *unit, const char *name, char type, void *ret)
{
    char *path = NULL;
    int e = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
    if (e >= 0)
        e = sd_bus_get_property_trivial(bus, "org.freedesktop.systemd1", path,
                                        "org.freedesktop.systemd1.Service", name, NULL, type, ret);
    free(path);
    return e;
}

struct job {
    const char *unit; /* a jail's own: it has no other job */
    char result[16];
};

static int on_job_removed(sd_bus_message *m, void *data, __attribute__((unused)) sd_bus_error *e)
{
    struct job *job = data;
    const char *path, *unit, *result;
    uint32_t id;
    if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 &&
        strcmp(unit, job->unit) == 0)
        snprintf(job->result, sizeof(job->result), "%.15s", result);
    return 0;
}

/* Type=exec: the job is done once the jailer was executed, or failed to be. */
static int start(sd_bus *bus, struct bg_helper *h, const struct bg_spawn *s, const char *unit,
                 struct bg_reply *f)
{
    struct job job = {unit, ""};
    __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *m = NULL;
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
    int e = sd_bus_match_signal(bus, NULL, MANAGER, "JobRemoved", on_job_removed, &job);
    e = e < 0 ? e : sd_bus_call_method(bus, MANAGER, "Subscribe", NULL, NULL, "");
    e = e < 0 ? e : sd_bus_message_new_method_call(bus, &m, MANAGER, "StartTransientUnit");
    e = e < 0 ? e : sd_bus_message_append(m, "ss", unit, "fail");
    e = e < 0 ? e : fill(m, h, s);
    e = e < 0 ? e : sd_bus_message_append(m, "a(sa(sv))", 0);
    e = e < 0 ? e : sd_bus_call(bus, m, 0, &error, NULL);
    while (e >= 0 && !job.result[0])
        if ((e = sd_bus_process(bus, NULL)) == 0)
            e = sd_bus_wait(bus, (uint64_t)START_WAIT_S * 1000000) == 0 ? -ETIMEDOUT : 0;
    if (e < 0)
        bg_fail(f, e == -ETIMEDOUT ? BG_DEADLINE : BG_SYSTEM, -e, "start %s: %.80s", unit,
                error.message ? error.message : strerror(-e));
    else if (strcmp(job.result, "done") != 0)
        e = bg_fail(f, BG_SYSTEM, 0, "start %s: the job ended as \"%s\"", unit, job.result);
    return e < 0 ? -1 : 0;
}

int bg_spawn_service(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f)
{
    struct bg_run run = {0};
    struct bg_proc proc;
    struct bg_name unit = bg_unit_name(h->instance, s->vm->id, s->vm->jail);
    int e;
    FREED_BUS *bus = open_bus(f);
    if (!bus || start(bus, h, s, unit.s, f) < 0)
        return -1;
    if ((e = property(bus, unit.s, "ExecMainPID", 'u', &run.pid)) < 0 || run.pid == 0)
        return bg_fail(f, BG_SYSTEM, -e, "start %s: it has no process", unit.s);
    /* One that ended already has no start time any more; the unit keeps its status. */
    if (bg_proc_read((pid_t)run.pid, &proc) == 0)
        run.start = proc.start;
    memcpy(run.jail, s->vm->jail, sizeof(run.jail));
    return bg_step(f, "write the jail's record", bg_run_save(h, s->vm, &run));
}

void bg_service_collect(struct bg_helper *h, const struct bg_vm *vm)
{
    struct bg_run run;
    struct bg_name unit = bg_unit_name(h->instance, vm->id, vm->jail);
    int32_t code = 0, status = 0;
    FREED_BUS *bus = open_bus(NULL);
    if (!bus || property(bus, unit.s, "ExecMainCode", 'i', &code) < 0 || code == 0 ||
        property(bus, unit.s, "ExecMainStatus", 'i', &status) < 0 || bg_run_load(h, vm, &run) < 0)
        return;
    run.ended = true;
    run.exit_code = code == CLD_EXITED ? status : 0;
    run.exit_signal = code == CLD_EXITED ? 0 : (uint32_t)status;
    bg_run_save(h, vm, &run);
}

void bg_service_forget(struct bg_helper *h, const struct bg_vm *vm)
{
    struct bg_name unit = bg_unit_name(h->instance, vm->id, vm->jail);
    FREED_BUS *bus = open_bus(NULL);
    if (!bus)
        return;
    /* An ended one stays "active" until told. */
    sd_bus_call_method(bus, MANAGER, "StopUnit", NULL, NULL, "ss", unit.s, "replace");
    sd_bus_call_method(bus, MANAGER, "ResetFailedUnit", NULL, NULL, "s", unit.s);
}
