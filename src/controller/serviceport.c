#include "controller/serviceport.h"

#include <stdio.h>
#include <string.h>

#define LISTED_PORTS 8 /* more do not help anybody to find the right one */

enum serviceport_answer serviceport_find(const struct service *svc, const struct ingress_backend *b,
                                         const struct service_port **out)
{
    enum serviceport_answer answer = SERVICEPORT_MISSING;

    for (size_t i = 0; i < svc->n_ports; i++) {
        const struct service_port *p = &svc->ports[i];

        if (b->port_number ? p->number != b->port_number : strcmp(p->name, b->port_name) != 0) {
            continue;
        }
        /* One number may stand for TCP and UDP, as with HTTP/3. */
        if (p->is_tcp) {
            *out = p;
            return SERVICEPORT_FOUND;
        }
        answer = SERVICEPORT_NOT_TCP;
    }
    return answer;
}

bool serviceport_is_alone(const struct service *svc, const struct service_port *port)
{
    for (size_t i = 0; i < svc->n_ports; i++) {
        const struct service_port *p = &svc->ports[i];

        if (p != port && p->is_tcp && p->number == port->number) {
            return false;
        }
    }
    return true;
}

const char *serviceport_as_written(const struct ingress_backend *b, char *text, size_t size)
{
    if (b->port_number) {
        snprintf(text, size, "%u", (unsigned)b->port_number);
    } else {
        snprintf(text, size, "%s", b->port_name);
    }
    return text;
}

/** Append to a text that has room; what does not fit is cut. */
static void append(char *text, size_t size, const char *separator, const struct service_port *p)
{
    size_t len = strlen(text);

    if (*p->name) {
        snprintf(text + len, size - len, "%s%u (%s)", separator, (unsigned)p->number, p->name);
    } else {
        snprintf(text + len, size - len, "%s%u", separator, (unsigned)p->number);
    }
}

const char *serviceport_list(const struct service *svc, char *text, size_t size)
{
    size_t listed = 0;

    text[0] = '\0';
    for (size_t i = 0; i < svc->n_ports; i++) {
        if (!svc->ports[i].is_tcp) {
            continue;
        }
        if (listed == LISTED_PORTS) {
            size_t len = strlen(text);

            snprintf(text + len, size - len, " and others");
            break;
        }
        append(text, size, listed++ ? ", " : "", &svc->ports[i]);
    }
    if (listed == 0) {
        snprintf(text, size, "no TCP port");
    }
    return text;
}
