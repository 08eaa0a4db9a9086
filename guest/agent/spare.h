/* A session forked before its connection is there, so that whoever comes does not wait for a fork,
 * nor for what bg_session_prepare does. It ends when the agent does. */
#ifndef BG_AGENT_SPARE_H
#define BG_AGENT_SPARE_H

#include <stdbool.h>
#include <sys/types.h>

struct bg_spare {
    pid_t pid; /* -1: none */
    int fd;    /* connections go to it here */
};

/* In the child: gives up what is the agent's alone. */
typedef void bg_spare_leave_fn(void *arg);

/* Forks one. Without (no memory, say) the agent forks when somebody comes. */
void bg_spare_make(struct bg_spare *spare, bg_spare_leave_fn *leave, void *arg);
/* Hands it a connection, of which the caller keeps its descriptor; there is none afterwards. False:
 * there was none, or it has ended. */
bool bg_spare_give(struct bg_spare *spare, int connection);

#endif
