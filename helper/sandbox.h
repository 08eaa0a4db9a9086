/* What the helper gives up. README.md tells why each capability is kept. */
#ifndef BANGER_HELPER_SANDBOX_H
#define BANGER_HELPER_SANDBOX_H
#include "helper.h"

int bg_sandbox_main(struct bg_reply *f);   /* capabilities, no_new_privs, not dumpable, no core */
int bg_sandbox_worker(struct bg_reply *f); /* beyond that: a system call filter */
void bg_sandbox_environment(void); /* the environment, but for what the service manager passed */
#endif
