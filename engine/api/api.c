/* The route table and the ladder that every request climbs: body or not, row, id, decode, check,
 * phase, run. The order of the steps is Firecracker's, because it decides which error wins. */
#include "api.h"
#include "log.h"
#include "metrics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PRE = 1,       /* only before the start */
    POST = 2,      /* only after it */
    BOOT = 4,      /* configures a boot: no snapshot may be loaded afterwards */
    WITH_ID = 8,   /* the second path segment is a resource's id */
    BODYLESS = 16, /* a PUT or PATCH that may come without a body */
    SECRET = 32,   /* the body is not logged */
};

struct route {
    enum bg_method method;
    const char *path, *sub; /* sub NULL: whatever follows */
    unsigned flags;
    const struct bg_schema *schema; /* NULL: run reads the body itself */
    bool (*check)(struct bg_call *call);
    void (*run)(struct bg_call *call);
};

static const struct route routes[] = {
    {BG_GET, "", NULL, 0, NULL, NULL, bg_get_instance},
    {BG_GET, "version", NULL, 0, NULL, NULL, bg_get_version},
    {BG_GET, "vm", "config", 0, NULL, NULL, bg_get_config},
    {BG_PATCH, "vm", NULL, POST, &bg_vm_state_schema, NULL, bg_patch_vm},
    {BG_PUT, "actions", NULL, 0, &bg_action_schema, bg_check_action, bg_put_action},
    {BG_GET, "machine-config", NULL, 0, NULL, NULL, bg_get_machine},
    {BG_PUT, "machine-config", NULL, PRE | BOOT, &bg_machine_schema, bg_check_machine,
     bg_put_machine},
    {BG_PATCH, "machine-config", NULL, PRE | BOOT, &bg_machine_update_schema,
     bg_check_machine_update, bg_patch_machine},
    {BG_PUT, "boot-source", NULL, PRE | BOOT, &bg_boot_source_schema, NULL, bg_put_boot_source},
    {BG_PUT, "cpu-config", NULL, PRE, &bg_cpu_config_schema, NULL, bg_put_cpu_config},
    {BG_PUT, "drives", NULL, BOOT | WITH_ID, &bg_drive_schema, bg_check_drive, bg_put_drive},
    {BG_PATCH, "drives", NULL, POST | WITH_ID, &bg_drive_update_schema, bg_check_drive_update,
     bg_patch_drive},
    {BG_DELETE, "drives", NULL, POST | WITH_ID, NULL, NULL, bg_delete_device},
    {BG_PUT, "network-interfaces", NULL, BOOT | WITH_ID, &bg_net_schema, bg_check_net, bg_put_net},
    {BG_PATCH, "network-interfaces", NULL, POST | WITH_ID, &bg_net_update_schema,
     bg_check_net_update, bg_patch_net},
    {BG_DELETE, "network-interfaces", NULL, POST | WITH_ID, NULL, NULL, bg_delete_device},
    {BG_PUT, "vsock", NULL, PRE | BOOT, &bg_vsock_schema, bg_check_vsock, bg_put_vsock},
    {BG_PUT, "mmds", "config", PRE | BOOT, &bg_mmds_config_schema, bg_check_mmds_config,
     bg_put_mmds_config},
    {BG_PUT, "mmds", "", SECRET, NULL, bg_check_mmds, bg_put_mmds},
    {BG_PATCH, "mmds", NULL, SECRET, NULL, bg_check_mmds, bg_patch_mmds},
    {BG_GET, "mmds", NULL, 0, NULL, NULL, bg_get_mmds},
    {BG_PUT, "balloon", NULL, PRE | BOOT, &bg_balloon_schema, NULL, bg_put_balloon},
    {BG_GET, "balloon", "", 0, NULL, NULL, bg_get_balloon},
    {BG_GET, "balloon", "statistics", POST, NULL, NULL, bg_balloon_absent},
    {BG_GET, "balloon", "hinting", POST, NULL, NULL, bg_get_balloon_hinting},
    {BG_PATCH, "balloon", "statistics", POST, &bg_balloon_stats_schema, NULL,
     bg_patch_balloon_stats},
    {BG_PATCH, "balloon", "hinting", POST | BODYLESS, NULL, NULL, bg_get_balloon_hinting},
    {BG_PATCH, "balloon", NULL, POST, &bg_balloon_update_schema, NULL, bg_balloon_absent},
    {BG_PUT, "entropy", NULL, PRE | BOOT, &bg_entropy_schema, NULL, bg_put_entropy},
    {BG_PUT, "pmem", NULL, BOOT | WITH_ID, &bg_pmem_schema, bg_check_pmem, bg_put_pmem},
    {BG_PATCH, "pmem", NULL, POST | WITH_ID, &bg_pmem_update_schema, bg_check_pmem_update,
     bg_patch_pmem},
    {BG_DELETE, "pmem", NULL, POST | WITH_ID, NULL, NULL, bg_delete_device},
    {BG_PUT, "hotplug", "memory", PRE | BOOT, &bg_hotplug_schema, NULL, bg_put_hotplug},
    {BG_GET, "hotplug", "memory", POST, NULL, NULL, bg_get_hotplug},
    {BG_PATCH, "hotplug", "memory", POST, &bg_hotplug_update_schema, NULL, bg_get_hotplug},
    {BG_PUT, "logger", NULL, PRE, &bg_logger_schema, NULL, bg_put_logger},
    {BG_PUT, "metrics", NULL, PRE, &bg_metrics_schema, NULL, bg_put_metrics},
    {BG_PUT, "serial", NULL, PRE, &bg_serial_schema, NULL, bg_put_serial},
    {BG_PUT, "snapshot", "create", POST, &bg_snapshot_create_schema, NULL, bg_put_snapshot_create},
    {BG_PUT, "snapshot", "load", PRE, &bg_snapshot_load_schema, bg_check_snapshot_load,
     bg_put_snapshot_load},
};

bool bg_fault(struct bg_answer *answer, const char *format, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, format);
    (void)vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    answer->status = 400;
    bg_buf_free(&answer->body);
    bg_buf_str(&answer->body, "{\"fault_message\":");
    bg_json_quote(&answer->body, text);
    bg_buf_str(&answer->body, "}");
    return false;
}

void bg_answer_object(struct bg_answer *answer, const struct bg_schema *schema, const void *object)
{
    answer->status = 200;
    bg_schema_encode(schema, object, &answer->body);
}

/* The path cut in two: its first and second segment ("" when there is none). */
struct target {
    char first[BG_HTTP_BUFFER], second[BG_HTTP_BUFFER];
    const char *rest; /* from the second segment on */
};

static void cut_path(const char *path, struct target *t)
{
    if (*path == '/')
        path++;
    size_t n = strcspn(path, "/");
    (void)snprintf(t->first, sizeof t->first, "%.*s", (int)n, path);
    path += n;
    if (*path == '/')
        path++;
    t->rest = path;
    (void)snprintf(t->second, sizeof t->second, "%.*s", (int)strcspn(path, "/"), path);
}

static const struct route *find_route(enum bg_method method, const struct target *t)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *r = &routes[i];
        if (r->method == method && strcmp(r->path, t->first) == 0 &&
            (!r->sub || strcmp(r->sub, t->second) == 0))
            return r;
    }
    return NULL;
}

static bool refuse_route(const struct bg_request *request, const struct target *t,
                         struct bg_answer *answer)
{
    const char *method = bg_method_name(request->method);
    bool second = (request->method == BG_GET && strcmp(t->first, "balloon") == 0) ||
                  (request->method == BG_PUT && strcmp(t->first, "mmds") == 0);
    if (second)
        return bg_fault(answer, "Unrecognized %s request path `%s`.", method, t->second);
    bool whole = strcmp(t->first, "snapshot") == 0 && *t->second;
    return bg_fault(answer, "Invalid request method and/or path: %s %s%s%s.", method, t->first,
                    whole ? "/" : "", whole ? t->second : "");
}

/* A body where there must be none, or none where there must be one. */
static bool check_body(const struct bg_request *request, const struct route *route,
                       struct bg_answer *answer)
{
    bool empty = !request->has_body;
    switch (request->method) {
    case BG_GET:
        return empty || bg_fault(answer, "GET request cannot have a body.");
    case BG_DELETE:
        return empty || bg_fault(answer, "Empty Delete request.");
    default:
        return !empty || (route && (route->flags & BODYLESS)) ||
               bg_fault(answer, "Empty %s request.", bg_method_name(request->method));
    }
}

/* Rust's is_alphanumeric: any letter of any script; beyond ASCII we take every character. */
static bool check_id(const char *id, struct bg_answer *answer)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    if (!*id)
        return bg_fault(answer, "The ID cannot be empty.");
    for (; *id; id++) {
        if (!((unsigned char)*id & 0x80) && !strchr(allowed, *id))
            return bg_fault(answer, "API Resource IDs can only contain alphanumeric characters "
                                    "and underscores.");
    }
    return true;
}

static bool decode(const struct route *route, struct bg_call *call)
{
    struct bg_json json;
    struct bg_buf text = {0};
    bg_json_init(&json, call->request->body.data, call->request->body.len);
    if (bg_schema_decode(route->schema, &json, call->body) == 0) {
        if (bg_json_end(&json) == 0)
            return true;
        bg_schema_free(route->schema, call->body);
    }
    bg_json_error(&json, &text);
    (void)bg_fault(call->answer,
                   "An error occurred when deserializing the json body of a request: %s.",
                   text.data);
    bg_buf_free(&text);
    return false;
}

static bool check_phase(const struct route *route, struct bg_call *call)
{
    bool started = call->vm->phase != BG_NOT_STARTED;
    if (started && (route->flags & PRE))
        return bg_fault(call->answer,
                        "The requested operation is not supported after starting the microVM.");
    if (!started && (route->flags & POST))
        return bg_fault(call->answer,
                        "The requested operation is not supported before starting the microVM.");
    return true;
}

static void run_route(const struct route *route, struct bg_call *call)
{
    if ((!route->check || route->check(call)) && check_phase(route, call)) {
        if (route->flags & BOOT)
            call->vm->boot_path = true;
        route->run(call);
    }
}

static void log_request(const struct bg_request *request, const struct route *route)
{
    static const char *const names[] = {"Get", "Put", "Patch", "Delete"};
    if (!request->has_body || (route && (route->flags & SECRET))) {
        bg_info("fc_api", "The API server received a %s request on \"%s\".", names[request->method],
                request->path);
        return;
    }
    struct bg_buf body = {0};
    bg_json_quote(&body, request->body.data);
    bg_info("fc_api", "The API server received a %s request on \"%s\" with body %s.",
            names[request->method], request->path, body.data);
    bg_buf_free(&body);
}

static void log_answer(const struct bg_answer *answer)
{
    if (answer->status == 200 || answer->status == 204)
        bg_info("fc_api", "The request was executed successfully. Status code: %d %s.",
                answer->status, answer->status == 200 ? "OK" : "No Content");
    else
        bg_error("fc_api", "Received Error. Status code: %d. Message: %s", answer->status,
                 answer->body.data);
}

void bg_api_serve(void *arg, const struct bg_request *request, struct bg_answer *answer)
{
    static _Alignas(max_align_t) char body[sizeof(struct bg_config)];
    struct target target;
    cut_path(request->path, &target);
    const struct route *route = find_route(request->method, &target);
    struct bg_call call = {
        .vm = arg, .request = request, .id = target.second, .body = body, .answer = answer};
    log_request(request, route);
    if (!bg_vmm_intercept(request, answer) && check_body(request, route, answer)) {
        if (!route)
            (void)refuse_route(request, &target, answer);
        else if (!(route->flags & WITH_ID) || check_id(target.second, answer)) {
            if (!route->schema) {
                run_route(route, &call);
            } else if (memset(body, 0, sizeof body), decode(route, &call)) {
                run_route(route, &call);
                bg_schema_free(route->schema, body);
            }
        }
    }
    bg_metrics_count(request->method, answer->status);
    log_answer(answer);
}
