/*
 * The instance's folders and its root-owned config (owner, uid_base, vms): made at the first start, proven at each.
 * Messages go to the caller's stderr through f.
 */
#ifndef BANGER_HELPER_CONFIG_H
#define BANGER_HELPER_CONFIG_H
#include "helper.h"

/*
 * h->instance and h->owner are set; uid_base 0 means "choose a free range". Opens every folder of h and loads or
 * writes the config. A range that passwd, group, subuid, subgid or another instance's config uses is refused.
 */
int bg_config_open(struct bg_helper *h, uint32_t uid_base, struct bg_reply *f);

/* 1 when [base, base + BG_UID_COUNT) meets an id of the text of passwd or group (colon fields 2 and 3 are ids) ... */
bool bg_ids_meet(const char *line, uint32_t base);
/* ... or a range of subuid/subgid ("name:start:count"). */
bool bg_subids_meet(const char *line, uint32_t base);
#endif
