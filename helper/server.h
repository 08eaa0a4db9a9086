/* The main process: the lock that makes it the only one, the listening socket, and the worker of each connection. */
#ifndef BANGER_HELPER_SERVER_H
#define BANGER_HELPER_SERVER_H
#include "helper.h"

enum { BG_CONNECTIONS = 16 }; /* of one uid at a time */

/*
 * Take the lock, make the socket or adopt the one that the service manager passed, and serve until SIGTERM or SIGINT.
 * Says "ready" on stdout when connections are accepted, and then closes that. BG_SYSTEM EBUSY: another one runs.
 */
int bg_server_run(struct bg_helper *h, struct bg_reply *f);

/* End the running helper of the instance and wait until it is gone; the exit status. */
int bg_server_stop(struct bg_helper *h);
#endif
