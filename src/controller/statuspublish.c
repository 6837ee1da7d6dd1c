#include "statuspublish_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "controller/statuswriter.h"
#include "model/store.h"

struct copy {
    char *text; /* holds both texts of the address */
    struct object_address address;
};

/* An address with texts of its own, an IP in its usual spelling.  0 or -ENOMEM. */
static int copy_address(const struct object_address *a, struct copy *out)
{
    char usual[NETADDR_TEXT_MAX];
    struct netaddr addr;
    const char *ip =
        netaddr_parse_ip(a->ip, 0, &addr) == 0 ? netaddr_format_ip(&addr, usual) : a->ip;
    size_t ip_size = strlen(ip) + 1, hostname_size = strlen(a->hostname) + 1;
    char *text = malloc(ip_size + hostname_size);

    if (!text) {
        return -ENOMEM;
    }
    memcpy(text, ip, ip_size);
    memcpy(text + ip_size, a->hostname, hostname_size);
    *out = (struct copy){text, {.ip = text, .hostname = text + ip_size, .more = ""}};
    return 0;
}

static size_t find(const struct objstatus_list *list, const struct object_address *a)
{
    size_t i = 0;

    while (i < list->n && !objstatus_same(&list->items[i], a)) {
        i++;
    }
    return i;
}

/* The oldest that is not in `keep`: there is one, as the list is full and misses one of `keep`. */
static void forget_oldest(struct statuspublish *p, const struct objstatus_list *keep)
{
    size_t oldest = 0, behind;

    while (find(keep, &p->known.items[oldest]) < keep->n) {
        oldest++;
    }
    free(p->texts[oldest]);
    behind = p->known.n - oldest - 1;
    memmove(&p->texts[oldest], &p->texts[oldest + 1], behind * sizeof(p->texts[0]));
    memmove(&p->known.items[oldest], &p->known.items[oldest + 1],
            behind * sizeof(p->known.items[0]));
    p->known.n--;
}

static void know(struct statuspublish *p, const struct copy *c, const struct objstatus_list *keep)
{
    if (p->known.n == OBJSTATUS_ADDRESSES) {
        forget_oldest(p, keep);
    }
    p->texts[p->known.n] = c->text;
    p->known.items[p->known.n++] = c->address;
}

/* Know every address of `list`, or change nothing. */
static int learn(struct statuspublish *p, const struct objstatus_list *list)
{
    struct copy fresh[OBJSTATUS_ADDRESSES];
    size_t n = 0;

    for (size_t i = 0; i < list->n; i++) {
        if (find(&p->known, &list->items[i]) < p->known.n) {
            continue;
        }
        if (copy_address(&list->items[i], &fresh[n]) != 0) {
            goto fail;
        }
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        know(p, &fresh[i], list);
    }
    return 0;
fail:
    while (n > 0) {
        free(fresh[--n].text);
    }
    return -ENOMEM;
}

static int take_service(struct statuspublish *p, const char *path)
{
    const char *slash = strchr(path, '/');

    p->service_ns = slash ? strndup(path, (size_t)(slash - path)) : strdup("default");
    p->service = strdup(slash ? slash + 1 : path);
    return p->service_ns && p->service ? 0 : -ENOMEM;
}

int statuspublish_init(struct statuspublish *p, const struct statuswriter_config *cfg)
{
    struct objstatus_list former;
    int rc = 0;

    *p = (struct statuspublish){.addresses = cfg->publish_addresses,
                                .n_addresses = cfg->n_publish_addresses};
    objstatus_of_options(cfg->former_addresses, cfg->n_former_addresses, &former);
    if (cfg->publish_service) {
        rc = take_service(p, cfg->publish_service);
    }
    return rc == 0 ? learn(p, &former) : rc;
}

void statuspublish_fini(struct statuspublish *p)
{
    for (size_t i = 0; i < p->known.n; i++) {
        free(p->texts[i]);
    }
    free(p->service_ns);
    free(p->service);
    *p = (struct statuspublish){.n_addresses = 0};
}

static const struct service *find_service(const struct statuspublish *p, const struct store *s)
{
    const struct objmeta *o =
        p->service ? store_find(s, OBJECT_SERVICE, p->service_ns, p->service) : NULL;

    return (const struct service *)(const void *)o;
}

static void list_now(const struct statuspublish *p, const struct store *s,
                     struct objstatus_list *out)
{
    const struct service *service = find_service(p, s);

    if (p->n_addresses > 0) {
        objstatus_of_options(p->addresses, p->n_addresses, out);
    } else if (service) {
        objstatus_of_service(service, out);
    } else {
        out->n = 0;
    }
}

static bool is_now(const struct statuspublish *p, const struct objstatus_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        if (find(&p->now, &list->items[i]) == p->now.n) {
            return false;
        }
    }
    return list->n == p->now.n;
}

static void put_addresses(struct log_line *line, const struct objstatus_list *list)
{
    char text[LIMIT_LOG_VALUE + 1] = "";
    size_t len = 0;

    for (size_t i = 0; i < list->n && len < sizeof(text); i++) {
        const struct object_address *a = &list->items[i];

        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s%s%s", i > 0 ? "," : "",
                                a->hostname, a->hostname[0] && a->ip[0] ? "=" : "", a->ip);
    }
    log_line_str(line, "addresses", text);
}

static void tell(const struct statuspublish *p, const struct store *s)
{
    struct log_line line;
    bool from_service = p->service && p->n_addresses == 0;

    if (!log_enabled(LOG_INFO)) {
        return;
    }
    log_line_begin(&line, LOG_INFO,
                   p->now.n > 0 ? "Ingresses served here get these addresses in their status"
                   : find_service(p, s)
                       ? "the Service to publish has no address yet; Ingress status stays as it is"
                       : "there is no Service to publish; Ingress status stays as it is");
    put_addresses(&line, &p->now);
    if (from_service) {
        log_line_str(&line, "namespace", p->service_ns);
        log_line_str(&line, "service", p->service);
    }
    log_line_send(&line);
}

/* As they are known: those texts live as long as they stay in `now`. */
static void set_now(struct statuspublish *p, const struct objstatus_list *list)
{
    p->now.n = 0;
    for (size_t i = 0; i < list->n; i++) {
        const struct object_address *own = &p->known.items[find(&p->known, &list->items[i])];

        objstatus_add(&p->now, own->ip, own->hostname);
    }
    p->serial++;
}

int statuspublish_look(struct statuspublish *p, const struct store *s)
{
    struct objstatus_list list;
    int rc;

    list_now(p, s, &list);
    if (p->has_looked && is_now(p, &list)) {
        return 0;
    }
    rc = learn(p, &list);
    if (rc != 0) {
        return rc;
    }
    set_now(p, &list);
    p->has_looked = true;
    if (p->service || p->n_addresses > 0) {
        tell(p, s);
    }
    return 0;
}
