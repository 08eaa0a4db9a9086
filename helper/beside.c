/* The host's own network programs, told about our bridge by D-Bus where they run; see op.h. */
#include "op.h"
#include <systemd/sd-bus.h>

struct peer {
    const char *service, *path, *interface;
};

static void tell(sd_bus *bus, const struct peer *p, const char *method, const char *types, ...)
{
    __attribute__((cleanup(sd_bus_message_unrefp))) sd_bus_message *m = NULL;
    __attribute__((cleanup(sd_bus_error_free))) sd_bus_error error = SD_BUS_ERROR_NULL;
    va_list ap;
    va_start(ap, types);
    int e = sd_bus_message_new_method_call(bus, &m, p->service, p->path, p->interface, method);
    e = e < 0 ? e : sd_bus_message_set_auto_start(m, 0);
    e = e < 0 ? e : sd_bus_message_appendv(m, types, ap);
    e = e < 0 ? e : sd_bus_call(bus, m, 2000000, &error, NULL);
    if (e < 0 && !sd_bus_error_has_name(&error, SD_BUS_ERROR_SERVICE_UNKNOWN) &&
        !sd_bus_error_has_name(&error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
        dprintf(2, "%s %s: %s\n", p->service, method, error.message ? error.message : strerror(-e));
    va_end(ap);
}

void bg_beside(struct bg_helper *h, const struct bg_net *net, bool wanted)
{
    static const struct peer firewalld = {"org.fedoraproject.FirewallD1",
                                          "/org/fedoraproject/FirewallD1",
                                          "org.fedoraproject.FirewallD1.zone"},
                             resolved = {"org.freedesktop.resolve1", "/org/freedesktop/resolve1",
                                         "org.freedesktop.resolve1.Manager"};
    __attribute__((cleanup(sd_bus_unrefp))) sd_bus *bus = NULL;
    uint32_t a = net->names.gateway;
    if (sd_bus_open_system(&bus) < 0)
        return;
    tell(bus, &firewalld, wanted ? "changeZoneOfInterface" : "removeInterface", "ss", "trusted",
         net->names.bridge);
    if (wanted) {
        tell(bus, &resolved, "SetLinkDNS", "ia(iay)", (int)net->ifindex, 1, AF_INET, 4,
             (int)(a >> 24), (int)(a >> 16 & 0xff), (int)(a >> 8 & 0xff), (int)(a & 0xff));
        tell(bus, &resolved, "SetLinkDomains", "ia(sb)", (int)net->ifindex, 1,
             strcmp(h->instance, "main") == 0 ? "vm" : bg_name("%.8s.vm", h->instance).s, 1);
        tell(bus, &resolved, "SetLinkDefaultRoute", "ib", (int)net->ifindex, 0);
    }
}
