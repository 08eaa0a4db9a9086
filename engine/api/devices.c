/* /balloon, /entropy, /pmem, /hotplug/memory: configured and shown like Firecracker's. Entropy is
 * a real device; for the others bg_start refuses (see docs/engine.md). */
#include "api.h"

#include <stdlib.h>
#include <string.h>

int bg_set_balloon(struct bg_vm *vm, struct bg_balloon *balloon, struct bg_answer *answer)
{
    if (balloon->amount_mib > vm->config.machine.mem_size_mib) {
        (void)bg_fault(answer, "Balloon config error: Amount of pages requested is too large.");
        return -1;
    }
    vm->config.balloon = *balloon;
    bg_mark(&vm->config, BG_CONFIG_BALLOON, true);
    return 0;
}

void bg_put_balloon(struct bg_call *call)
{
    (void)bg_set_balloon(call->vm, call->body, call->answer);
}

void bg_balloon_absent(struct bg_call *call)
{
    (void)bg_fault(call->answer,
                   "Internal VMM error: Failed perform action on device: Device not found");
}

void bg_get_balloon(struct bg_call *call)
{
    const struct bg_vm *vm = call->vm;
    if (bg_has(&vm->config, BG_CONFIG_BALLOON))
        bg_answer_object(call->answer, &bg_balloon_schema, &vm->config.balloon);
    else if (vm->phase == BG_NOT_STARTED)
        (void)bg_fault(call->answer, "Balloon config error: No balloon device found.");
    else
        bg_balloon_absent(call);
}

void bg_get_balloon_hinting(struct bg_call *call)
{
    (void)bg_fault(call->answer,
                   "Balloon update error: Failed perform action on device: Device not found");
}

void bg_patch_balloon_stats(struct bg_call *call)
{
    bg_get_balloon_hinting(call);
}

void bg_put_entropy(struct bg_call *call)
{
    struct bg_config *config = &call->vm->config;
    config->entropy = *(struct bg_entropy *)call->body;
    bg_mark(config, BG_CONFIG_ENTROPY, true);
}

bool bg_check_pmem(struct bg_call *call)
{
    const struct bg_pmem *pmem = call->body;
    return strcmp(call->id, pmem->id) == 0 ||
           bg_fault(call->answer, "The id from the path does not match the id from the body!");
}

bool bg_check_pmem_update(struct bg_call *call)
{
    const struct bg_pmem_update *update = call->body;
    return strcmp(call->id, update->id) == 0 ||
           bg_fault(call->answer, "The id from the path does not match the id from the body!");
}

static struct bg_pmem *find_pmem(const struct bg_config *config, const char *id)
{
    for (size_t i = 0; i < config->pmems.n; i++) {
        if (strcmp(bg_pmem_at(config, i)->id, id) == 0)
            return bg_pmem_at(config, i);
    }
    return NULL;
}

int bg_set_pmem(struct bg_vm *vm, struct bg_pmem *pmem, struct bg_answer *answer)
{
    struct bg_list *list = &vm->config.pmems;
    struct bg_pmem *at = find_pmem(&vm->config, pmem->id);
    if (at) {
        bg_schema_free(&bg_pmem_schema, at);
    } else {
        struct bg_pmem *bigger = reallocarray(list->items, list->n + 1, sizeof *bigger);
        if (!bigger) {
            (void)bg_fault(answer, "Pmem config error: out of memory");
            return -1;
        }
        list->items = bigger;
        at = bigger + list->n++;
    }
    *at = *pmem;
    memset(pmem, 0, sizeof *pmem);
    return 0;
}

void bg_put_pmem(struct bg_call *call)
{
    if (call->vm->phase != BG_NOT_STARTED)
        (void)bg_fault(call->answer, "PCI is not enabled");
    else
        (void)bg_set_pmem(call->vm, call->body, call->answer);
}

void bg_patch_pmem(struct bg_call *call)
{
    const struct bg_pmem_update *update = call->body;
    struct bg_pmem *pmem = find_pmem(&call->vm->config, update->id);
    if (pmem)
        bg_limiter_update(pmem, BG_PMEM_LIMITER, &pmem->rate_limiter, &update->rate_limiter);
    else
        (void)bg_fault(call->answer,
                       "Pmem config error: Unable to patch the pmem device: Failed perform action "
                       "on device: Device not found Please verify the request arguments.");
}

int bg_set_hotplug(struct bg_vm *vm, struct bg_hotplug *h, struct bg_answer *answer)
{
    static const char prefix[] = "Memory hotplug config error";
    bool ok;
    if (h->block_size_mib < 2)
        ok = bg_fault(answer, "%s: Block size must not be lower than 2 MiB", prefix);
    else if (h->block_size_mib & (h->block_size_mib - 1))
        ok = bg_fault(answer, "%s: Block size must be a power of 2", prefix);
    else if (h->slot_size_mib < 128)
        ok = bg_fault(answer, "%s: Slot size must not be lower than 128 MiB", prefix);
    else if (h->slot_size_mib % h->block_size_mib != 0)
        ok = bg_fault(answer, "%s: Slot size must be a multiple of block size (%lu MiB)", prefix,
                      h->block_size_mib);
    else if (h->total_size_mib < h->slot_size_mib)
        ok = bg_fault(answer, "%s: Total size must not be lower than slot size (%lu MiB)", prefix,
                      h->slot_size_mib);
    else if (h->total_size_mib % h->slot_size_mib != 0)
        ok = bg_fault(answer, "%s: Total size must be a multiple of slot size (%lu MiB)", prefix,
                      h->slot_size_mib);
    else
        ok = true;
    if (!ok)
        return -1;
    vm->config.hotplug = *h;
    bg_mark(&vm->config, BG_CONFIG_HOTPLUG, true);
    return 0;
}

void bg_put_hotplug(struct bg_call *call)
{
    (void)bg_set_hotplug(call->vm, call->body, call->answer);
}

void bg_get_hotplug(struct bg_call *call)
{
    bg_balloon_absent(call);
}
