/* /network-interfaces. The tap is attached at PUT and stays busy until the process ends. */
#include "api.h"
#include "text.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define BUSY_MS      1000
#define BUSY_STEP_MS 10

static bool same_id(struct bg_call *call, const char *body_id)
{
    return strcmp(call->id, body_id) == 0 ||
           bg_fault(call->answer,
                    "The id from the path [%s] does not match the id from the body [%s]!", call->id,
                    body_id);
}

bool bg_check_net(struct bg_call *call)
{
    return same_id(call, ((struct bg_net *)call->body)->iface_id);
}

bool bg_check_net_update(struct bg_call *call)
{
    return same_id(call, ((struct bg_net_update *)call->body)->iface_id);
}

static int find_net(const struct bg_config *config, const char *id)
{
    for (size_t i = 0; i < config->nets.n; i++) {
        if (strcmp(bg_net_at(config, i)->iface_id, id) == 0)
            return (int)i;
    }
    return -1;
}

/* A VMM that was killed a moment ago may still be on its way out: its memory is given back before
 * its descriptors are, after its supervisor knows of its end. The kernel tells nobody when a tap
 * becomes free, so a busy one is tried again for a second. */
static int attach(int fd, struct ifreq *request)
{
    const struct timespec pause = {.tv_nsec = BUSY_STEP_MS * 1000000L};
    int r;
    for (int waited = 0; (r = ioctl(fd, TUNSETIFF, request)) < 0 && errno == EBUSY; waited++) {
        if (waited * BUSY_STEP_MS >= BUSY_MS)
            break;
        (void)nanosleep(&pause, NULL);
    }
    return r;
}

int bg_open_tap(const char *name, struct bg_vmm_error *error)
{
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    if (strlen(name) >= sizeof request.ifr_name) {
        (void)snprintf(error->text, sizeof error->text,
                       "Open tap device failed: Invalid interface name");
        return -1;
    }
    strcpy(request.ifr_name, name);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        (void)snprintf(error->text, sizeof error->text,
                       "Open tap device failed: Couldn't open /dev/net/tun: %s",
                       bg_os_error(errno));
        return -1;
    }
    if (attach(fd, &request) < 0) {
        (void)snprintf(error->text, sizeof error->text,
                       "Open tap device failed: Error while creating ifreq structure: %s. Invalid "
                       "TUN/TAP Backend provided by %s. Check our documentation on setting up the "
                       "network devices.",
                       bg_os_error(errno), name);
        close(fd);
        return -1;
    }
    return fd;
}

static bool mac_is_free(const struct bg_config *config, const struct bg_net *net,
                        struct bg_answer *answer)
{
    for (size_t i = 0; net->guest_mac && i < config->nets.n; i++) {
        const struct bg_net *other = bg_net_at(config, i);
        if (other->guest_mac && strcasecmp(other->guest_mac, net->guest_mac) == 0 &&
            strcmp(other->iface_id, net->iface_id) != 0)
            return bg_fault(answer, "Network config error: The MAC address is already in use: %s",
                            net->guest_mac);
    }
    return true;
}

static void remove_net(struct bg_config *config, int index)
{
    struct bg_net *at = bg_net_at(config, (size_t)index);
    close(at->fd);
    bg_schema_free(&bg_net_schema, at);
    config->nets.n--;
    memmove(at, at + 1, (config->nets.n - (size_t)index) * sizeof *at);
}

/* An interface of that id is dropped first, so that its tap can be taken again: a failed re-PUT
 * loses it, as in Firecracker. */
int bg_set_net(struct bg_vm *vm, struct bg_net *net, struct bg_answer *answer)
{
    struct bg_config *config = &vm->config;
    struct bg_vmm_error error;
    if (!mac_is_free(config, net, answer))
        return -1;
    int old = find_net(config, net->iface_id);
    if (old >= 0)
        remove_net(config, old);
    if (bg_is_set(net, BG_NET_MTU) && net->mtu < 68) {
        (void)bg_fault(answer,
                       "Network config error: Could not create the network device: MTU %u is out "
                       "of range [68, 65535]",
                       net->mtu);
        return -1;
    }
    int fd = bg_open_tap(net->host_dev_name, &error);
    if (fd < 0) {
        (void)bg_fault(answer, "Network config error: Could not create the network device: %s",
                       error.text);
        return -1;
    }
    struct bg_net *bigger = reallocarray(config->nets.items, config->nets.n + 1, sizeof *bigger);
    if (!bigger) {
        close(fd);
        (void)bg_fault(answer, "Network config error: out of memory");
        return -1;
    }
    config->nets.items = bigger;
    for (char *p = net->guest_mac; p && *p; p++)
        *p = (char)tolower((unsigned char)*p);
    bigger[config->nets.n] = *net;
    bigger[config->nets.n++].fd = fd;
    memset(net, 0, sizeof *net);
    return 0;
}

void bg_put_net(struct bg_call *call)
{
    if (call->vm->phase != BG_NOT_STARTED)
        (void)bg_fault(call->answer, "PCI is not enabled");
    else
        (void)bg_set_net(call->vm, call->body, call->answer);
}

void bg_patch_net(struct bg_call *call)
{
    const struct bg_net_update *update = call->body;
    int i = find_net(&call->vm->config, update->iface_id);
    if (i < 0) {
        (void)bg_fault(call->answer,
                       "Network config error: Unable to update the net device: Failed perform "
                       "action on device: Device not found");
        return;
    }
    struct bg_net *net = bg_net_at(&call->vm->config, (size_t)i);
    if (bg_is_set(update, 1))
        bg_limiter_update(net, BG_NET_RX, &net->rx_rate_limiter, &update->rx_rate_limiter);
    if (bg_is_set(update, 2))
        bg_limiter_update(net, BG_NET_TX, &net->tx_rate_limiter, &update->tx_rate_limiter);
}
