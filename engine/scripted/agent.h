/* As much of the guest's agent (docs/agent.md) as the daemon itself speaks to: HOLD and WAKE. */
#ifndef BG_SCRIPTED_AGENT_H
#define BG_SCRIPTED_AGENT_H

#include <stddef.h>

enum { SCRIPTED_ANSWER = 256 };

/* The answer to the request in n bytes; its length, 0 when they are something else. boot_id: 32 hex
 * digits. */
size_t scripted_agent(const char *request, size_t n, const char *boot_id,
                      char answer[SCRIPTED_ANSWER]);

#endif
