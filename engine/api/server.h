/* The API socket: a listener and at most ten connections on the event loop. Requests are answered
 * strictly one after the other; a slow action makes all connections wait, as in Firecracker. */
#ifndef BG_ENGINE_SERVER_H
#define BG_ENGINE_SERVER_H

#include "http.h"
#include "loop.h"

struct bg_server;

struct bg_answer {
    int status;
    bool deprecated;
    struct bg_buf body; /* empty: an answer without a body */
    bool quit;          /* after the answer was written the process ends with quit_status */
    int quit_status;
};

typedef void (*bg_serve_fn)(void *arg, const struct bg_request *request, struct bg_answer *answer);

/* Binds and listens; the path must not exist. -errno; -ENAMETOOLONG for a path that no socket
 * address can hold. The socket is never unlinked. */
int bg_server_bind(const char *path, int *ret_fd);
/* Takes over listen_fd. */
int bg_server_start(struct bg_loop *loop, int listen_fd, size_t body_limit, bg_serve_fn serve,
                    void *arg, struct bg_server **ret);

#endif
