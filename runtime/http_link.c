/* Sockets that were handed over, and how libcurl is made to use one for a request. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "http_internal.h"
#include "util.h"

static struct bg_link *find(struct bg_http *http, const char *key)
{
    struct bg_link *link = http->links;

    while (link != NULL && strcmp(link->key, key) != 0)
        link = link->next;
    return link;
}

void bg_link_drop(struct bg_http *http, struct bg_link *link)
{
    struct bg_link **at = &http->links;

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    /*
     * libcurl may hold a copy of the descriptor: closing ours alone would not end the
     * connection.
     */
    shutdown(link->fd, SHUT_RDWR);
    close(link->fd);
    for (struct bg_transfer *user = http->running; user != NULL; user = user->next)
        if (user->link == link)
            user->link = NULL;
    free(link->key);
    free(link);
}

void bg_http_forget(struct bg_http *http, const char *key)
{
    struct bg_link *link = find(http, key);

    if (link != NULL)
        bg_link_drop(http, link);
}

static struct bg_link *add(struct bg_http *http, const char *key, int fd)
{
    struct bg_link *link = calloc(1, sizeof(*link));
    char *copy = strdup(key);

    if (link == NULL || copy == NULL) {
        free(link);
        free(copy);
        return NULL;
    }
    *link = (struct bg_link){.next = http->links, .key = copy, .fd = fd};
    http->links = link;
    return link;
}

int bg_link_take(struct bg_http *http, const char *key, int fd, struct bg_transfer *user,
                 struct bg_err *err)
{
    bg_autofd int given = fd;
    struct bg_link *link = find(http, key);

    if (given >= 0) {
        if (link != NULL)
            bg_link_drop(http, link);
        link = add(http, key, given);
        if (link == NULL)
            return bg_fail_sys(err, ENOMEM, "keep the connection %s", key);
        bg_steal_fd(&given);
    }
    if (link == NULL)
        return bg_fail(err, "http.failed", "the connection %s has ended", key);
    user->link = link;
    user->queued = link->user != NULL;
    if (!user->queued)
        link->user = user;
    return 0;
}

/*
 * libcurl documents how to give it a connected socket: return it from this callback, and
 * CURL_SOCKOPT_ALREADY_CONNECTED from the next. But 7.87 and 7.88 (Debian 12) call connect()
 * all the same and take its failure for ours. So libcurl gets a datagram socket with that
 * socket's own address, which connect() takes at once without a peer or a packet, and
 * before_request() puts the real one under the same number.
 */
static int open_placeholder(struct curl_sockaddr *address)
{
    struct sockaddr_un own = {.sun_family = AF_UNIX};
    socklen_t size = sizeof(own);
    bg_autofd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    /*
     * Binding to no name at all makes the kernel choose an abstract one of 6 bytes (unix(7),
     * autobind).
     */
    if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own.sun_family)) < 0 ||
        getsockname(fd, (struct sockaddr *)&own, &size) < 0 || size > sizeof(address->addr))
        return -1;
    memcpy(&address->addr, &own, size);
    address->addrlen = size;
    return bg_steal_fd(&fd);
}

static curl_socket_t open_socket(void *userdata, curlsocktype purpose,
                                 struct curl_sockaddr *address)
{
    struct bg_transfer *transfer = userdata;

    (void)purpose;
    transfer->placeholder = open_placeholder(address);
    return transfer->placeholder < 0 ? CURL_SOCKET_BAD : transfer->placeholder;
}

static int socket_is_connected(void *userdata, curl_socket_t fd, curlsocktype purpose)
{
    (void)userdata;
    (void)fd;
    (void)purpose;
    return CURL_SOCKOPT_ALREADY_CONNECTED;
}

/*
 * The connection stands as far as libcurl knows, and nothing was sent. What libcurl gets is a
 * copy, which it closes itself.
 */
static int before_request(void *userdata, char *primary_ip, char *local_ip, int primary_port,
                          int local_port)
{
    struct bg_transfer *transfer = userdata;
    int placeholder = bg_steal_fd(&transfer->placeholder);

    (void)primary_ip;
    (void)local_ip;
    (void)primary_port;
    (void)local_port;
    if (transfer->link == NULL || placeholder < 0 ||
        fcntl(transfer->link->fd, F_SETFL, fcntl(transfer->link->fd, F_GETFL) | O_NONBLOCK) < 0 ||
        dup3(transfer->link->fd, placeholder, O_CLOEXEC) < 0)
        return CURL_PREREQFUNC_ABORT;
    return CURL_PREREQFUNC_OK;
}

CURLcode bg_link_configure(struct bg_transfer *transfer, const char *key)
{
    CURL *easy = transfer->easy;
    CURLcode r = bg_curl.curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, key); /* never opened */

    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_is_connected);
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, before_request);
    if (r == CURLE_OK)
        r = bg_curl.curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    return r;
}
