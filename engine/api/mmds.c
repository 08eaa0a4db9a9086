/* /mmds: the store answers the host; the guest side (169.254.169.254) is not served by this engine,
 * since a guest's identity comes on its seed drive. */
#include "api.h"

#include <arpa/inet.h>
#include <string.h>

bool bg_check_mmds_config(struct bg_call *call)
{
    const struct bg_mmds_config *mmds = call->body;
    if (mmds->version == 0)
        call->answer->deprecated = true;
    return true;
}

static bool has_net(const struct bg_config *config, const char *id)
{
    for (size_t i = 0; i < config->nets.n; i++) {
        if (strcmp(bg_net_at(config, i)->iface_id, id) == 0)
            return true;
    }
    return false;
}

int bg_set_mmds(struct bg_vm *vm, struct bg_mmds_config *mmds, struct bg_answer *answer)
{
    struct bg_config *config = &vm->config;
    struct in_addr address = {0};
    char **ids = mmds->network_interfaces.items;
    if (mmds->network_interfaces.n == 0) {
        (void)bg_fault(answer, "MMMDS config error: The list of network interface IDs that allow "
                               "forwarding MMDS requests is empty.");
        return -1;
    }
    for (size_t i = 0; i < mmds->network_interfaces.n; i++) {
        if (!has_net(config, ids[i])) {
            (void)bg_fault(answer,
                           "MMMDS config error: The list of network interface IDs provided "
                           "contains at least one ID that does not correspond to any existing "
                           "network interface.");
            return -1;
        }
    }
    if (!mmds->ipv4_address) {
        mmds->ipv4_address = strdup("169.254.169.254");
        bg_mark(mmds, BG_MMDS_ADDRESS, true);
    }
    if (!mmds->ipv4_address || inet_pton(AF_INET, mmds->ipv4_address, &address) != 1 ||
        ntohl(address.s_addr) >> 16 != 0xa9fe) {
        (void)bg_fault(answer, "MMMDS config error: The MMDS IPv4 address is not link local.");
        return -1;
    }
    bg_schema_free(&bg_mmds_config_schema, &config->mmds);
    config->mmds = *mmds;
    bg_mark(config, BG_CONFIG_MMDS, true);
    memset(mmds, 0, sizeof *mmds);
    return 0;
}

void bg_put_mmds_config(struct bg_call *call)
{
    (void)bg_set_mmds(call->vm, call->body, call->answer);
}

/* After the start the store exists only when an interface was given MMDS. */
static bool reachable(struct bg_call *call)
{
    return call->vm->phase == BG_NOT_STARTED || bg_has(&call->vm->config, BG_CONFIG_MMDS) ||
           bg_fault(call->answer, "MMDS error: The MMDS data store is not initialized.");
}

bool bg_check_mmds(struct bg_call *call)
{
    return reachable(call);
}

static struct bg_value *parse(struct bg_call *call)
{
    struct bg_json json;
    struct bg_value *value = NULL;
    struct bg_buf text = {0};
    bg_json_init(&json, call->request->body.data, call->request->body.len);
    if (bg_value_parse(&json, &value) == 0)
        return value;
    bg_json_error(&json, &text);
    (void)bg_fault(call->answer,
                   "An error occurred when deserializing the json body of a request: %s.",
                   text.data);
    bg_buf_free(&text);
    return NULL;
}

/* Takes value over. */
static void store(struct bg_call *call, struct bg_value *value)
{
    struct bg_buf text = {0};
    bg_value_print(value, &text);
    if (text.len > call->vm->mmds_limit) {
        (void)bg_fault(call->answer,
                       "MMDS limit exceeded error: The MMDS patch request doesn't fit.");
        call->answer->status = 413;
        bg_value_free(value);
    } else {
        bg_value_free(call->vm->mmds);
        call->vm->mmds = value;
    }
    bg_buf_free(&text);
}

void bg_put_mmds(struct bg_call *call)
{
    struct bg_value *value = parse(call);
    if (value)
        store(call, value);
}

void bg_patch_mmds(struct bg_call *call)
{
    struct bg_value *patch = parse(call);
    if (!patch)
        return;
    if (!call->vm->mmds) {
        bg_value_free(patch);
        (void)bg_fault(call->answer, "MMDS error: The MMDS data store is not initialized.");
        return;
    }
    struct bg_value *merged = bg_value_copy(call->vm->mmds);
    bg_value_merge(&merged, patch);
    if (merged)
        store(call, merged);
}

void bg_get_mmds(struct bg_call *call)
{
    const struct bg_value *mmds = call->vm->mmds;
    if (!reachable(call))
        return;
    call->answer->status = 200;
    if (!mmds || bg_value_is_null(mmds))
        bg_buf_str(&call->answer->body, "{}");
    else
        bg_value_print(mmds, &call->answer->body);
}
