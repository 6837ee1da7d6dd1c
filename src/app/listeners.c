#include "app/listeners.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_PORT 8443

struct netaddr listeners_default(void)
{
    struct netaddr any6 = {.family = AF_INET6, .port = DEFAULT_PORT};
    struct netaddr any4 = {.family = AF_INET, .port = DEFAULT_PORT};
    struct sockaddr_storage sa;
    struct netaddr probe = {.family = AF_INET6, .port = 0};
    socklen_t len = netaddr_to_sockaddr(&probe, &sa);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool usable;

    if (fd < 0) {
        return any4;
    }
    usable = bind(fd, (const struct sockaddr *)&sa, len) == 0 || errno != EADDRNOTAVAIL;
    close(fd);
    return usable ? any6 : any4;
}

static size_t count_interfaces(const struct ifaddrs *list)
{
    size_t n = 0;

    for (; list != NULL; list = list->ifa_next) {
        n += list->ifa_addr != NULL;
    }
    return n;
}

/* Addresses that come later are not known here; a pod's are there before its containers run. */
static int read_local(struct listeners *l)
{
    struct ifaddrs *list = NULL;

    if (getifaddrs(&list) != 0) {
        return errno == ENOMEM ? -ENOMEM : 0;
    }
    l->local = calloc(count_interfaces(list) + 1, sizeof(*l->local));
    for (const struct ifaddrs *i = list; i != NULL && l->local != NULL; i = i->ifa_next) {
        struct netaddr a = {.family = AF_UNSPEC};

        if (i->ifa_addr != NULL) {
            netaddr_from_sockaddr(&a, i->ifa_addr);
        }
        if (a.family != AF_UNSPEC) {
            l->local[l->n_local++] = a;
        }
    }
    freeifaddrs(list);
    return l->local != NULL ? 0 : -ENOMEM;
}

int listeners_init(struct listeners *l, const struct netaddr *bound, size_t n_bound)
{
    int rc;

    memset(l, 0, sizeof(*l));
    l->bound = calloc(n_bound > 0 ? n_bound : 1, sizeof(*l->bound));
    if (l->bound == NULL) {
        return -ENOMEM;
    }
    memcpy(l->bound, bound, n_bound * sizeof(*bound));
    l->n_bound = n_bound;
    rc = read_local(l);
    if (rc != 0) {
        listeners_fini(l);
    }
    return rc;
}

void listeners_fini(struct listeners *l)
{
    free(l->bound);
    free(l->local);
    memset(l, 0, sizeof(*l));
}

/* Connecting to the unspecified address reaches this machine too. */
static bool is_local(const struct listeners *l, const struct netaddr *a)
{
    if (netaddr_is_loopback(a) || netaddr_is_unspecified(a)) {
        return true;
    }
    for (size_t i = 0; i < l->n_local; i++) {
        if (netaddr_same_ip(&l->local[i], a)) {
            return true;
        }
    }
    return false;
}

/* [::] is bound dual stack and takes both families. */
static bool takes_family(const struct netaddr *bound, const struct netaddr *a)
{
    return bound->family == AF_INET6 || bound->family == a->family;
}

bool listeners_include(void *ctx, const struct netaddr *a)
{
    const struct listeners *l = ctx;

    for (size_t i = 0; i < l->n_bound; i++) {
        const struct netaddr *b = &l->bound[i];

        if (netaddr_equal(b, a)) {
            return true;
        }
        if (b->port == a->port && netaddr_is_unspecified(b) && takes_family(b, a) &&
            is_local(l, a)) {
            return true;
        }
    }
    return false;
}
