/* Connections live in a fixed array, because their number is bounded. What one read gave is parsed
 * as a whole before anything is executed: a malformed request in it drops the good ones before. */
#include "server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_CONNECTIONS 10

struct connection {
    struct bg_server *server;
    int fd; /* -1: free */
    struct bg_http http;
    struct bg_buf out;
    struct bg_request queue[BG_HTTP_BUFFER / 16]; /* the shortest request is longer than 16 bytes */
    size_t queued;
    bool peer_done;
};

struct bg_server {
    struct bg_loop *loop;
    int listen_fd;
    size_t body_limit;
    bg_serve_fn serve;
    void *arg;
    struct connection connections[MAX_CONNECTIONS];
};

int bg_server_bind(const char *path, int *ret_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -ENAMETOOLONG;
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 128) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static void drop_queue(struct connection *c)
{
    for (size_t i = 0; i < c->queued; i++)
        bg_request_free(&c->queue[i]);
    c->queued = 0;
}

static void close_connection(struct connection *c)
{
    bg_loop_del(c->server->loop, c->fd);
    close(c->fd);
    c->fd = -1;
    drop_queue(c);
    bg_http_free(&c->http);
    bg_buf_free(&c->out);
}

/* Writes what it can; closes the connection when it is over. */
static void flush(struct connection *c)
{
    while (c->out.len > 0) {
        ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN) {
            close_connection(c);
            return;
        }
        if (n < 0)
            break;
        bg_buf_drop(&c->out, (size_t)n);
    }
    if (c->peer_done && c->out.len == 0)
        close_connection(c);
    else
        (void)bg_loop_mod(c->server->loop, c->fd,
                          (c->peer_done ? 0 : EPOLLIN) | (c->out.len > 0 ? EPOLLOUT : 0u));
}

static void queue_request(void *arg, struct bg_request *request)
{
    struct connection *c = arg;
    c->queue[c->queued++] = *request;
}

static void send_continue(void *arg)
{
    struct connection *c = arg;
    bg_http_response(&c->out, 100, false, NULL);
}

static void serve_queue(struct connection *c)
{
    for (size_t i = 0; i < c->queued; i++) {
        struct bg_answer answer = {.status = 204};
        c->server->serve(c->server->arg, &c->queue[i], &answer);
        bg_http_response(&c->out, answer.status, answer.deprecated, answer.body.data);
        bg_buf_free(&answer.body);
        if (answer.quit) {
            flush(c);
            bg_loop_stop(c->server->loop, answer.quit_status);
            break;
        }
    }
    drop_queue(c);
}

static void refuse_stream(struct connection *c)
{
    struct bg_buf body = {0};
    drop_queue(c);
    bg_buf_fmt(&body, "{ \"error\": \"%s\nAll previous unanswered requests will be dropped.\" }",
               c->http.error);
    bg_http_response(&c->out, 400, false, body.data);
    bg_buf_free(&body);
}

static void on_connection(void *arg, int fd, uint32_t events)
{
    struct connection *c = arg;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = recv(fd, c->http.space + c->http.used, bg_http_room(&c->http), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            c->peer_done = true;
        else if (n > 0 && bg_http_feed(&c->http, (size_t)n, queue_request, send_continue, c) < 0)
            refuse_stream(c);
        else
            serve_queue(c);
    }
    if (c->fd == fd)
        flush(c);
}

static void refuse_connection(int fd)
{
    static const char text[] = "HTTP/1.1 503\r\nServer: Firecracker API\r\nConnection: close\r\n"
                               "Content-Length: 40\r\n\r\n"
                               "{ \"error\": \"Too many open connections\" }";
    (void)send(fd, text, sizeof text - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

static void on_listener(void *arg, int listen_fd, uint32_t events)
{
    struct bg_server *s = arg;
    (void)events;
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct connection *c = s->connections;
    while (c < s->connections + MAX_CONNECTIONS && c->fd >= 0)
        c++;
    if (c == s->connections + MAX_CONNECTIONS) {
        refuse_connection(fd);
        return;
    }
    *c = (struct connection){.server = s, .fd = fd};
    bg_http_init(&c->http, s->body_limit);
    if (bg_loop_add(s->loop, fd, EPOLLIN, on_connection, c) < 0) {
        close(fd);
        c->fd = -1;
    }
}

int bg_server_start(struct bg_loop *loop, int listen_fd, size_t body_limit, bg_serve_fn serve,
                    void *arg, struct bg_server **ret)
{
    struct bg_server *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct bg_server){
        .loop = loop, .listen_fd = listen_fd, .body_limit = body_limit, .serve = serve, .arg = arg};
    for (int i = 0; i < MAX_CONNECTIONS; i++)
        s->connections[i].fd = -1;
    int r = bg_loop_add(loop, listen_fd, EPOLLIN, on_listener, s);
    if (r < 0) {
        free(s);
        return r;
    }
    *ret = s;
    return 0;
}
