/* The instance's folders and its root-owned config. Messages go to the caller's stderr through f. */
#ifndef BANGER_HELPER_CONFIG_H
#define BANGER_HELPER_CONFIG_H
#include "helper.h"

/*
 * h->instance is set. Opens every folder of h, proven to be root's alone, and reads the config that units/helper-config has
 * written: lines "owner <uid>", "group <gid>", "uid_base <n>", "vms <n>".
 */
int bg_config_open(struct bg_helper *h, struct bg_reply *f);
#endif
