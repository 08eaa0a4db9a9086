/*
 * A VM's own transient service (systemd's StartTransientUnit): the jailer's parent is PID 1, its limits and devices are
 * the unit's, and no restart of ours can reach it. RemainAfterExit keeps the exit status until we forget the unit.
 */
#include "proc.h"
#include "record.h"
#include "spawn.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>

enum { START_WAIT_S = 15 };
static const char manager[] = "org.freedesktop.systemd1",
                  manager_path[] = "/org/freedesktop/systemd1",
                  manager_interface[] = "org.freedesktop.systemd1.Manager";

/* ExecStart has a length of its own, so it is the one property that cannot be written as one line. */
static int set_exec(sd_bus_message *m, char *const argv[])
{
    int e = sd_bus_message_open_container(m, 'r', "sv");
    e = e < 0 ? e : sd_bus_message_append(m, "s", "ExecStart");
    e = e < 0 ? e : sd_bus_message_open_container(m, 'v', "a(sasb)");
    e = e < 0 ? e : sd_bus_message_open_container(m, 'a', "(sasb)");
    e = e < 0 ? e : sd_bus_message_open_container(m, 'r', "sasb");
    e = e < 0 ? e : sd_bus_message_append(m, "s", argv[0]);
    e = e < 0 ? e : sd_bus_message_append_strv(m, (char **)argv);
    e = e < 0 ? e : sd_bus_message_append(m, "b", 0);
    for (int i = 0; e >= 0 && i < 4; i++)
        e = sd_bus_message_close_container(m);
    return e;
}

/* Before banger-vms.service: at shutdown that one stops first, and asks guests to halt while their VMMs live. */
static int fill(sd_bus_message *m, struct bg_helper *h, const struct bg_spawn *s)
{
    char description[64], console[BG_PATH_MAX + 32], errors[BG_PATH_MAX + 32], state[BG_PATH_MAX];
    bg_state_root(state, h->instance);
    snprintf(description, sizeof(description), "banger VM %s (%s)", s->vm->id, h->instance);
    snprintf(console, sizeof(console), "%s/logs/%s.console", state, s->vm->id);
    snprintf(errors, sizeof(errors), "%s/logs/%s.stderr", state, s->vm->id);
    const struct {
        const char *name, *value;
    } texts[] = {{"Description", description},
                 {"Slice", "banger.slice"},
                 {"Type", "exec"},
                 {"StandardInput", "null"},
                 {"StandardOutputFileToAppend", console},
                 {"StandardErrorFileToAppend", errors},
                 {"OOMPolicy", "continue"},
                 {"DevicePolicy", "strict"}};
    int e = 0;
    for (size_t i = 0; e >= 0 && i < sizeof(texts) / sizeof(texts[0]); i++)
        e = sd_bus_message_append(m, "(sv)", texts[i].name, "s", texts[i].value);
    e = e < 0 ? e
              : sd_bus_message_append(
                    m, "(sv)(sv)(sv)(sv)(sv)", "RemainAfterExit", "b", 1, "Before", "as", 1,
                    "banger-vms.service", "TasksMax", "t", (uint64_t)BG_TASKS_MAX, "MemoryMax", "t",
                    s->memory_max, "DeviceAllow", "a(ss)", 4, "/dev/urandom", "rm", "/dev/null",
                    "rw", "char-misc", "rwm", /* kvm, tun */ "block-device-mapper", "rwm");
    return e < 0 ? e : set_exec(m, s->argv);
}

static int call(sd_bus *bus, const char *method, const char *unit, const char *mode)
{
    const char *types = mode ? "ss" : unit ? "s" : "";
    return sd_bus_call_method(bus, manager, manager_path, manager_interface, method, NULL, NULL,
                              types, unit, mode);
}

static int property(sd_bus *bus, const char *unit, const char *name, char type, void *ret)
{
    char *path = NULL;
    int e = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);
    if (e >= 0)
        e = sd_bus_get_property_trivial(bus, manager, path, "org.freedesktop.systemd1.Service",
                                        name, NULL, type, ret);
    free(path);
    return e;
}

struct job {
    char path[128];
    char result[16];
};

static int on_job_removed(sd_bus_message *m, void *data, sd_bus_error *error)
{
    struct job *job = data;
    const char *path, *unit, *result;
    uint32_t id;
    (void)error;
    if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) >= 0 &&
        strcmp(path, job->path) == 0)
        snprintf(job->result, sizeof(job->result), "%.15s", result);
    return 0;
}

/* Type=exec: the job is done once the jailer was executed, or failed to be. */
static int start(sd_bus *bus, struct bg_helper *h, const struct bg_spawn *s, const char *unit,
                 struct bg_reply *f)
{
    struct job job = {"", ""};
    sd_bus_message *m = NULL, *reply = NULL;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    const char *path = NULL;
    int e = sd_bus_match_signal(bus, NULL, manager, manager_path, manager_interface, "JobRemoved",
                                on_job_removed, &job);
    e = e < 0 ? e : call(bus, "Subscribe", NULL, NULL);
    e = e < 0 ? e
              : sd_bus_message_new_method_call(bus, &m, manager, manager_path, manager_interface,
                                               "StartTransientUnit");
    e = e < 0 ? e : sd_bus_message_append(m, "ss", unit, "fail");
    e = e < 0 ? e : sd_bus_message_open_container(m, 'a', "(sv)");
    e = e < 0 ? e : fill(m, h, s);
    e = e < 0 ? e : sd_bus_message_close_container(m);
    e = e < 0 ? e : sd_bus_message_append(m, "a(sa(sv))", 0);
    e = e < 0 ? e : sd_bus_call(bus, m, 0, &error, &reply);
    e = e < 0 ? e : sd_bus_message_read(reply, "o", &path);
    if (e >= 0)
        snprintf(job.path, sizeof(job.path), "%.127s", path);
    while (e >= 0 && !job.result[0])
        if ((e = sd_bus_process(bus, NULL)) == 0)
            e = sd_bus_wait(bus, (uint64_t)START_WAIT_S * 1000000) == 0 ? -ETIMEDOUT : 0;
    if (e < 0)
        bg_fail(f, e == -ETIMEDOUT ? BG_DEADLINE : BG_SYSTEM, -e, "start %s: %.80s", unit,
                error.message ? error.message : strerror(-e));
    else if (strcmp(job.result, "done") != 0)
        e = bg_fail(f, BG_SYSTEM, 0, "start %s: the job ended as \"%s\"", unit, job.result);
    sd_bus_error_free(&error);
    sd_bus_message_unref(m);
    sd_bus_message_unref(reply);
    return e < 0 ? -1 : 0;
}

static void unit_of(char ret[static 64], struct bg_helper *h, const struct bg_vm *vm)
{
    bg_unit_name(ret, h->instance, vm->id, vm->jail);
}

int bg_spawn_service(struct bg_helper *h, const struct bg_spawn *s, struct bg_reply *f)
{
    struct bg_record r = {0};
    struct bg_proc proc;
    char unit[64], name[16];
    uint32_t pid = 0;
    sd_bus *bus = NULL;
    int e = sd_bus_open_system(&bus);
    if (e < 0) {
        errno = -e;
        return bg_sys(f, "reach the service manager");
    }
    unit_of(unit, h, s->vm);
    int result = start(bus, h, s, unit, f);
    if (result == 0 && ((e = property(bus, unit, "ExecMainPID", 'u', &pid)) < 0 || pid == 0))
        result = bg_fail(f, BG_SYSTEM, -e, "start %s: it has no process", unit);
    sd_bus_unref(bus);
    if (result < 0)
        return -1;
    /* One that ended already has no start time any more; the unit keeps its status. */
    bool alive = bg_proc_read((pid_t)pid, &proc) == 0;
    bg_record_set(&r, "jail", s->vm->jail);
    bg_record_set_u64(&r, "pid", pid);
    bg_record_set_u64(&r, "start", alive ? proc.start : 0);
    snprintf(name, sizeof(name), "jail-%.8s", s->vm->id);
    return bg_step(f, "write the jail's record", bg_record_write(&r, h->run, name, false));
}

void bg_service_collect(struct bg_helper *h, const struct bg_vm *vm)
{
    struct bg_record r;
    char unit[64], name[16];
    int32_t code = 0, status = 0;
    sd_bus *bus = NULL;
    unit_of(unit, h, vm);
    snprintf(name, sizeof(name), "jail-%.8s", vm->id);
    bool known = sd_bus_open_system(&bus) >= 0 &&
                 property(bus, unit, "ExecMainCode", 'i', &code) >= 0 &&
                 property(bus, unit, "ExecMainStatus", 'i', &status) >= 0 && code != 0;
    sd_bus_unref(bus);
    if (!known || bg_record_read(&r, h->run, name) < 0)
        return;
    bg_record_set_u64(&r, "exit", code == CLD_EXITED ? (uint64_t)status : 0);
    bg_record_set_u64(&r, "signal", code == CLD_EXITED ? 0 : (uint64_t)status);
    bg_record_write(&r, h->run, name, false);
}

void bg_service_forget(struct bg_helper *h, const struct bg_vm *vm)
{
    char unit[64];
    sd_bus *bus = NULL;
    unit_of(unit, h, vm);
    if (sd_bus_open_system(&bus) >= 0) {
        call(bus, "StopUnit", unit, "replace"); /* an ended one stays "active" until told */
        call(bus, "ResetFailedUnit", unit, NULL);
    }
    sd_bus_unref(bus);
}
