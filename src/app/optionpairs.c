#include "app/optionpairs.h"

#include <errno.h>

/* Whether binding `a` takes all that `b` would.  [::] is bound dual stack. */
static bool covers(const struct netaddr *a, const struct netaddr *b)
{
    return netaddr_is_unspecified(a) && (a->family == AF_INET6 || a->family == b->family);
}

static int check_two(const struct netaddr *a, const struct netaddr *b, struct err *e)
{
    char text_a[NETADDR_TEXT_MAX], text_b[NETADDR_TEXT_MAX];

    if (a->port != b->port || a->port == 0) {
        return 0; /* each port 0 takes a free one of its own */
    }
    netaddr_format(a, text_a);
    netaddr_format(b, text_b);
    if (netaddr_equal(a, b)) {
        err_set(e, "--listen %s: given twice; leave one out", text_a);
        return -EINVAL;
    }
    if (covers(a, b)) {
        err_set(e, "--listen %s: --listen %s takes its connections already; leave one out", text_b,
                text_a);
        return -EINVAL;
    }
    return 0;
}

static int check_listen(const struct options *o, struct err *e)
{
    for (size_t i = 0; i < o->n_listen; i++) {
        for (size_t j = i + 1; j < o->n_listen; j++) {
            int rc = check_two(&o->listen[i], &o->listen[j], e);

            if (rc == 0) {
                rc = check_two(&o->listen[j], &o->listen[i], e);
            }
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

/* The admin port is bound alone, so the kernel would call it a stranger's address. */
static int check_admin(const struct options *o, struct err *e)
{
    char text[NETADDR_TEXT_MAX];

    for (size_t i = 0; i < o->n_listen && o->admin.port != 0; i++) {
        const struct netaddr *l = &o->listen[i];

        if (l->port == o->admin.port &&
            (netaddr_equal(l, &o->admin) || covers(l, &o->admin) || covers(&o->admin, l))) {
            err_set(e, "--admin %s: --listen has that port; choose another one",
                    netaddr_format(&o->admin, text));
            return -EINVAL;
        }
    }
    return 0;
}

int optionpairs_check(const struct options *o, struct err *e)
{
    int rc;

    if (o->ingress_class_only && o->ingress_without_class) {
        err_set(e, "--ingress-class-only and --ingress-without-class contradict each other: the "
                   "one serves named classes only, the other Ingresses without one; leave one out");
        return -EINVAL;
    }
    rc = check_listen(o, e);
    return rc == 0 ? check_admin(o, e) : rc;
}
